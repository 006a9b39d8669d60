package judge_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
)

var (
	runMutants       = flag.Bool("mutants", false, "change the simulator's rules one by one and see the judgement of seeded observations notice")
	observationsFile = flag.String("observations", "", "judge the observations in this file, and end at the first that does not conform")
)

// leastNoticed is how many of the mutants the built-in scenarios show; the others need Pods that only the recordings have.
const leastNoticed = 38

// kept is an observation in a file.
type kept struct {
	Name        string
	Target      string
	Observation *judge.Observation
}

// TestMutants changes one rule of the simulator at a time and has what is left of it judge observations of the unchanged one. Without
// the flag -mutants it does nothing; that the changes can be made is checked by the package of the list.
func TestMutants(t *testing.T) {
	if !*runMutants {
		t.Skip("it takes minutes; run it with -mutants")
	}
	text, err := os.ReadFile("../../fixtures/oracle/testdata/mutants.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var mutants []struct{ Rule, File, Was, Is string }
	if err := yaml.Unmarshal(text, &mutants); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "observations.jsonl")
	writeObservations(t, file)
	caught := 0
	for _, m := range mutants {
		noticed, err := mutantNoticed(t, file, m.File, m.Was, m.Is)
		if err != nil {
			t.Logf("NOT noticed: %s (%v)", m.Rule, err)
			continue
		}
		caught++
		t.Logf("%s: %s", m.Rule, noticed)
	}
	t.Logf("%d of %d mutants are noticed", caught, len(mutants))
	if caught < leastNoticed {
		t.Errorf("%d of %d mutants are noticed, which is too few", caught, len(mutants))
	}
}

// writeObservations keeps two seeded observations of each scenario on each target.
func writeObservations(t *testing.T, name string) {
	t.Helper()
	var out bytes.Buffer
	for _, item := range scenarios(t) {
		for _, text := range judgedTargets {
			for seed := uint64(1); seed <= uint64(*seeds); seed++ {
				target := resolveTarget(t, text)
				o := observed(played(t, &item.Scenario, target, seed), &item.Scenario, target, seed)
				line, err := json.Marshal(kept{item.Family + "/" + item.Name, text, o})
				if err != nil {
					t.Fatal(err)
				}
				out.Write(append(line, '\n'))
			}
		}
	}
	if err := os.WriteFile(name, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// complaint is how TestObservationsConform complains.
var complaint = regexp.MustCompile(`(?m)judge: (.*)$`)

func mutantNoticed(t *testing.T, observations, file, was, is string) (string, error) {
	path, err := filepath.Abs(filepath.Join("..", file))
	if err != nil {
		return "", err
	}
	source, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(source), was); n != 1 {
		return "", fmt.Errorf("the text occurs %d times in %s", n, file)
	}
	dir := t.TempDir()
	changed := filepath.Join(dir, file)
	if err := os.WriteFile(changed, []byte(strings.Replace(string(source), was, is, 1)), 0o600); err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		return "", err
	}
	overlayFile := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlayFile, overlay, 0o600); err != nil {
		return "", err
	}
	out, err := exec.Command("go", "test", "-vet=off", "-overlay", overlayFile, "-run", "^TestObservationsConform$", ".", "-observations", observations).CombinedOutput()
	if err == nil {
		return "", errors.New("all observations conform")
	}
	if found := complaint.FindSubmatch(out); found != nil {
		return string(found[1]), nil
	}
	return "", fmt.Errorf("nothing was judged: %w\n%.1000s", err, out)
}

// TestObservationsConform judges the observations of a file.
func TestObservationsConform(t *testing.T) {
	if *observationsFile == "" {
		t.Skip("there is no file of observations")
	}
	text, err := os.ReadFile(*observationsFile)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]*fixtures.Item{}
	for _, item := range scenarios(t) {
		byName[item.Family+"/"+item.Name] = item
	}
	for line := range bytes.Lines(text) {
		var k kept
		if err := json.Unmarshal(line, &k); err != nil {
			t.Fatal(err)
		}
		report, err := judge.Judge(&byName[k.Name].Scenario, resolveTarget(t, k.Target), k.Observation, judge.DefaultHow())
		if err != nil {
			t.Fatal(err)
		}
		if report.Verdict == judge.Diverges {
			t.Fatalf("judge: %s on %s %v in stage %v: %.150s", k.Name, k.Target, report.Verdict, report.Stage, report.Reason)
		}
	}
}
