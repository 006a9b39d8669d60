package judge_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/internal/mutants"
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
	list, err := mutants.Read("../../fixtures/oracle/testdata/mutants.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "observations.jsonl")
	writeObservations(t, file)
	caught := 0
	for _, m := range list {
		noticed, err := m.Noticed(t.TempDir(), "..", "TestObservationsConform", complaint, "-observations", file)
		if err != nil {
			t.Logf("NOT noticed: %s (%v)", m.Rule, err)
			continue
		}
		caught++
		t.Logf("%s: %s", m.Rule, noticed)
	}
	t.Logf("%d of %d mutants are noticed", caught, len(list))
	if caught < leastNoticed {
		t.Errorf("%d of %d mutants are noticed, which is too few", caught, len(list))
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
