package gates

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sidecar-conformance/sidecar-conformance/internal/golden"
)

// TestDefectsGolden prints for each defect the patch releases of each line that have it, with the gate as it is by default and, where
// that differs, turned on.
func TestDefectsGolden(t *testing.T) {
	var b strings.Builder
	for i := range defects {
		d := &defects[i]
		fmt.Fprintf(&b, "%s %s: %s\n", d.Key, d.Class, d.Words())
		for _, newest := range Releases() {
			for _, override := range []string{"", "+" + SidecarContainers} {
				if override != "" && (newest.Minor > 28) {
					continue
				}
				var has []string
				for patch := range newest.Patch + 1 {
					targets, err := ParseTargets(Release{newest.Minor, patch}.String() + override)
					if err != nil {
						t.Fatal(err)
					}
					if d.In(targets[0]) {
						has = append(has, fmt.Sprint(patch))
					}
				}
				if len(has) > 0 {
					fmt.Fprintf(&b, "  %s%s: %s of %d\n", newest.Line(), override, spans(has), newest.Patch)
				}
			}
		}
	}
	golden.Want(t, *rewrite, "defects.txt", b.String())
}

// spans shortens a list of numbers that follow each other.
func spans(numbers []string) string {
	if len(numbers) < 3 {
		return strings.Join(numbers, " ")
	}
	return numbers[0] + ".." + numbers[len(numbers)-1]
}

func TestFixedIn(t *testing.T) {
	for _, c := range []struct{ key, target, where, fixed string }{
		{"D02", "1.29.2", "API server 1.29.2", "1.29.3"},
		{"D02", "1.28.7+SidecarContainers", "API server 1.28.7+SidecarContainers", "1.28.8"},
		{"D03", "1.28+SidecarContainers", "kubelet 1.28.15+SidecarContainers", "1.29.9"},
		{"D03", "1.31.0/1.30.4", "kubelet 1.30.4", "1.30.5"},
		{"D06", "1.32", "kubelet 1.32.13", "1.33.6"},
		{"D06", "1.34/{1.34,1.33.5}", "kubelet 1.33.5", "1.33.6"},
		{"D08", "1.36", "kubelet 1.36.3", "1.37.0"},
		{"D09", "1.37", "kubelet 1.37.2", ""},
		{"D03", "1.29", "", ""},
		{"D02", "1.28.0", "", ""}, // the gate is off
	} {
		d, known := FindDefect(c.key)
		targets, err := ParseTargets(c.target)
		if !known || err != nil {
			t.Fatal(c.key, err)
		}
		on := targets[0]
		if d.In(on) != (c.where != "") {
			t.Errorf("%s in %s: %t", c.key, on, d.In(on))
		}
		if c.where != "" && d.Where(on) != c.where {
			t.Errorf("%s in %s is in %s, want %s", c.key, on, d.Where(on), c.where)
		}
		fixed, ever := d.FixedIn(on)
		if ever != (c.fixed != "") || ever && fixed.String() != c.fixed {
			t.Errorf("%s in %s is fixed in %s, %t, want %q", c.key, on, fixed, ever, c.fixed)
		}
	}
}

// TestDefectTable wants keys in order, each once, and a shape that exists.
func TestDefectTable(t *testing.T) {
	for i, d := range Defects() {
		if d.Key != fmt.Sprintf("D%02d", i+1) || d.Effect == "" || int(d.Shape) >= Shapes {
			t.Errorf("row %d is %s: %s", i+1, d.Key, d.Effect)
		}
		somewhere := false
		for _, newest := range Releases() {
			for patch := range newest.Patch + 1 {
				for _, overrides := range [][]Override{nil, {{SidecarContainers, true}}} {
					somewhere = somewhere || d.has(Component{Release: Release{newest.Minor, patch}, Overrides: overrides})
				}
			}
		}
		if !somewhere {
			t.Errorf("no release has %s", d.Key)
		}
	}
	if _, known := FindDefect("D99"); known {
		t.Error("D99 is found")
	}
}

func TestDefaults(t *testing.T) {
	if r := DefaultSince(SidecarContainers); r.Line() != "1.29" {
		t.Errorf("sidecars are on by default since %s", r.Line())
	}
	if r := OrderedStopSince(); r.Line() != "1.29" {
		t.Errorf("stops are ordered since %s", r.Line())
	}
	for _, c := range []struct {
		server string
		want   bool
	}{{"1.28", false}, {"1.31", false}, {"1.32", true}, {"1.37", true}} {
		r, err := ParseRelease(c.server)
		if err != nil {
			t.Fatal(err)
		}
		if got := OnByDefaultInSkew(SidecarContainers, r); got != c.want {
			t.Errorf("every kubelet beside %s has sidecars on by default: %t", c.server, got)
		}
	}
}
