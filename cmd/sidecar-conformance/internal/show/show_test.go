package show

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

// load reads a recorded trace. The recordings are made once: what the simulator says is tested elsewhere.
func load(t *testing.T, name string) Run {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	recorded, err := trace.ReadJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	return Run{Name: "default/" + recorded.Scenario, Target: recorded.Target, Trace: recorded}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			t.Errorf("%s differs in line %d (go test -rewrite accepts)\ngot  %s\nwant %s", path, i+1, g[i], w[i])
			return
		}
	}
	t.Errorf("%s has %d lines, want %d", path, len(g), len(w))
}

func TestGolden(t *testing.T) {
	web, crash := load(t, "web-1.29"), load(t, "crash-1.29")
	several := []Run{load(t, "web-1.28"), load(t, "web-1.28-on"), web}
	narrow := Options{Width: 80}
	event, err := FindEvent(crash.Trace, "shipper/backOff#2")
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := YAML(web.Trace)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		"timeline.80.txt":    Timeline(web, narrow),
		"timeline.140.txt":   Timeline(web, Options{Width: 140}),
		"timeline.ascii.txt": Timeline(web, Options{Width: 80, ASCII: true}),
		"timeline.color.txt": Timeline(web, Options{Width: 80, Color: true}),
		"crash.80.txt":       Timeline(crash, narrow),
		"compare.80.txt":     Comparison(several, narrow),
		"compare.crash.txt":  Comparison([]Run{crash, load(t, "crash-1.37")}, Options{Width: 100}),
		"compare.same.txt":   Comparison([]Run{web, web}, narrow),
		"why.80.txt":         Why(crash, event, narrow),
		"at.txt":             At(web, 3e9, narrow),
		"at.crash.txt":       At(crash, 30e9, narrow),
		"at.each.txt":        AtEach(several, 3e9, narrow),
		"web.mmd":            Mermaid(web),
		"web.yaml":           asYAML,
		"orders.txt":         Orders([]Run{web, web, several[1]}, narrow),
		"summary.txt":        Summary(several),
	}
	for name, got := range tests {
		t.Run(name, func(t *testing.T) { golden(t, name, got) })
	}
}

func TestPicturesStayWithinWidth(t *testing.T) {
	runs := []Run{load(t, "web-1.28-on"), load(t, "web-1.29"), load(t, "crash-1.29")}
	for width := 72; width <= 200; width += 7 {
		for _, o := range []Options{{Width: width}, {Width: width, ASCII: true}} {
			for _, run := range runs {
				withinWidth(t, width, Timeline(run, o))
			}
			withinWidth(t, width, Comparison(runs[:2], o))
		}
	}
}

func withinWidth(t *testing.T, width int, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
			t.Fatalf("%d columns, want at most %d: %s", n, width, line)
		}
	}
}

func TestFindEvent(t *testing.T) {
	web := load(t, "web-1.29").Trace
	for name, want := range map[string]string{
		"0": "podCreated", "#0": "podCreated", "pod/created": "podCreated", "pod/podCreated": "podCreated", "app/running": "running",
		"app/RUNNING#1": "running", "proxy/exited#last": "exited", "pod/removed": "podRemoved", "pod/sync#3": "sync",
	} {
		i, err := FindEvent(web, name)
		if err != nil || web.Events[i].Kind.String() != want {
			t.Errorf("%s: got event %d, error %v", name, i, err)
		}
	}
	for name, want := range map[string]string{
		"999": "there is no event 999", "app": "want a number", "app/runs": "is not a kind", "app/backOff": "does not happen",
		"app/running#2": "it happens 1 times only", "app/running#x": "not a count", "nobody/running": "only pod, proxy, migrate, app",
	} {
		if _, err := FindEvent(web, name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}

// TestYAMLSaysWhatJSONSays reads both forms with a YAML library.
func TestYAMLSaysWhatJSONSays(t *testing.T) {
	run := load(t, "crash-1.29")
	run.Trace.Scenario = "no"
	run.Trace.Assumed = []string{"12", "a: b", "- c", "#d", "é", "\"quoted\"", " lead", "trail ", "1e3s", "0x1F", "null", "x, y", "{z}", "5s", "1.5", "~", "=", "2026-01-02"}
	text, err := YAML(run.Trace)
	if err != nil {
		t.Fatal(err)
	}
	line, err := run.Trace.AppendJSONLine(nil)
	if err != nil {
		t.Fatal(err)
	}
	var fromYAML, fromJSON any
	if err := yaml.Unmarshal([]byte(text), &fromYAML); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(line, &fromJSON); err != nil {
		t.Fatal(err)
	}
	// One more way through JSON makes the numbers of both the same type.
	again, err := json.Marshal(fromYAML)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := json.Marshal(fromJSON)
	if diff := cmp.Diff(string(want), string(again)); diff != "" {
		t.Error(diff)
	}
}
