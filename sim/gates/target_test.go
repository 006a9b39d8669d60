package gates

import (
	"strings"
	"testing"

	"github.com/sidecar-conformance/sidecar-conformance/internal/golden"
)

func TestParseTargets(t *testing.T) {
	for _, c := range []struct{ list, want string }{
		{"1.29", "1.29.15"},
		{"v1.29", "1.29.15"},
		{"1.29.0", "1.29.0"},
		{"1.28+SidecarContainers", "1.28.15+SidecarContainers"},
		{"1.32-SidecarContainers", "1.32.13-SidecarContainers"},
		{"1.33+SidecarContainers", "1.33.13+SidecarContainers"}, // locked, and set to what it is anyway
		{"1.31/1.28", "1.31.14/1.28.15"},
		{"1.31/1.28+SidecarContainers", "1.31.14/1.28.15+SidecarContainers"},
		{"1.28+SidecarContainers/1.28", "1.28.15+SidecarContainers/1.28.15"}, // the node inherits nothing
		{"1.29/{1.29,1.28}", "1.29.15/{1.29.15,1.28.15}"},
		{"1.29/{1.29, 1.28+SidecarContainers}", "1.29.15/{1.29.15,1.28.15+SidecarContainers}"},
		{"1.29/{1.28}", "1.29.15/1.28.15"},
		{"1.28, 1.29/{1.29,1.28} ,1.30", "1.28.15 1.29.15/{1.29.15,1.28.15} 1.30.14"},
		{"1.28..1.30", "1.28.15 1.29.15 1.30.14"},
		{"1.28.3..1.30.2", "1.28.3 1.29.15 1.30.2"},
		{"1.29..1.29", "1.29.15"},
		{"1.28..1.30+SidecarContainers", "1.28.15+SidecarContainers 1.29.15+SidecarContainers 1.30.14+SidecarContainers"},
		{"1.34+RestartAllContainersOnContainerExits,1.29", ""},
		{"1.35+RestartAllContainersOnContainerExits+NodeDeclaredFeatures", "1.35.4+RestartAllContainersOnContainerExits+NodeDeclaredFeatures"},
	} {
		targets, err := ParseTargets(c.list)
		if c.want == "" {
			if err == nil {
				t.Errorf("%q: no error", c.list)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", c.list, err)
			continue
		}
		if got := names(targets); got != c.want {
			t.Errorf("%q is %q, want %q", c.list, got, c.want)
		}
		again, err := ParseTargets(strings.ReplaceAll(c.want, " ", ","))
		if err != nil || names(again) != c.want {
			t.Errorf("%q reads back as %q, %v", c.want, names(again), err)
		}
	}
}

func names(targets []Target) string {
	list := make([]string, len(targets))
	for i, target := range targets {
		list[i] = target.String()
	}
	return strings.Join(list, " ")
}

// TestTargetErrorsGolden prints the exact message for every way to write a target wrong.
func TestTargetErrorsGolden(t *testing.T) {
	var b strings.Builder
	for _, list := range []string{
		"", " ", "1.29,", ",1.29", "1.29,,1.30",
		"1", "1.29.1.2", "1.x", "1.-29", "1.029", "2.29", "1.27", "1.38", "latest", "v", "1.29 1.30",
		"1.29.16", "1.36.4",
		"1.30..1.28", "1.28..", "..1.29", "1.28..1.38", "1.28..1.29..1.30", "1.28..1.29/1.28", "1.29/1.28..1.29",
		"1.28..1.34-SidecarContainers",
		"1.29+", "1.29+-SidecarContainers", "1.29+SidecarContainer", "1.29+sidecarcontainers", "1.29+Sidecars",
		"1.29+SidecarContainers-SidecarContainers",
		"1.33-SidecarContainers", "1.37+SidecarContainers", "1.28+PodLifecycleSleepAction", "1.34+LegacySidecarContainers",
		"1.35+RestartAllContainersOnContainerExits", "1.35+EventedPLEG", "1.35-NodeDeclaredFeatures+RestartAllContainersOnContainerExits",
		"1.28/1.29", "1.33/1.29", "1.37/{1.37,1.33}", "1.29/", "/1.29", "1.29/{}", "1.29/{1.29,1.28", "1.29/1.28}", "1.29/{1.29,}",
		"1.29/{1.29,1.28}x", "1.29}/1.28,1.30", "{1.28,1.29}", "1.29/1.28/1.28",
		"1.27,1.29+Nothing,1.28/1.29",
	} {
		_, err := ParseTargets(list)
		if err == nil {
			t.Errorf("%q: no error", list)
			continue
		}
		b.WriteString("> " + list + "\n" + err.Error() + "\n\n")
	}
	golden.Want(t, *rewrite, "target_errors.txt", b.String())
}

func TestExpandAndResolve(t *testing.T) {
	targets, err := ParseTargets("1.30/{1.30,1.28+SidecarContainers}")
	if err != nil {
		t.Fatal(err)
	}
	want := "target 1.30.14/{1.30.14,1.28.15+SidecarContainers} has 2 kinds of nodes; resolve each of Expand()"
	if _, err := Resolve(targets[0]); err == nil || err.Error() != want {
		t.Errorf("Resolve of mixed nodes: %v, want %s", err, want)
	}
	single := targets[0].Expand()
	if got := names(single); got != "1.30.14/1.30.14 1.30.14/1.28.15+SidecarContainers" {
		t.Errorf("Expand is %s", got)
	}
	r, err := Resolve(single[1])
	if err != nil {
		t.Fatal(err)
	}
	if r.API.Release.Minor != 30 || r.Kubelet.Release.Minor != 28 || !r.Kubelet.SidecarContainers || r.Kubelet.StopOrder != StopTogether {
		t.Errorf("%s resolves to %+v", single[1], r)
	}
	if _, err := Resolve(Target{Control: Component{Release: Release{29, 0}}, Nodes: []Component{{Release: Release{30, 0}}}}); err == nil {
		t.Error("Resolve takes a kubelet that is newer than the API server")
	}
	for _, target := range AllTargets() {
		if _, err := Resolve(target); err != nil {
			t.Error(err)
		}
	}
}

func TestSince(t *testing.T) {
	firsts := []Release{{28, 8}, {29, 3}, {30, 0}}
	for _, c := range []struct {
		release Release
		firsts  []Release
		want    bool
	}{
		{Release{28, 7}, firsts, false},
		{Release{28, 8}, firsts, true},
		{Release{29, 2}, firsts, false},
		{Release{29, 3}, firsts, true},
		{Release{30, 0}, firsts, true},
		{Release{31, 0}, firsts, true},                               // younger than all of them
		{Release{28, 15}, []Release{{29, 1}}, false},                 // older than all of them
		{Release{29, 15}, []Release{{28, 2}, {30, 1}}, false},        // between two of them: not backported
		{Release{30, 0}, []Release{{28, 2}, {30, 1}}, false},         // the first patch releases of a line
		{Release{28, 2}, []Release{{30, 1}, {28, 2}, {29, 4}}, true}, // in any order
		{Release{37, 0}, []Release{{28, 2}}, true},
		{Release{28, 0}, nil, true}, // a change that no release waits for
	} {
		if got := c.release.since(c.firsts...); got != c.want {
			t.Errorf("%v.since(%v) is %t", c.release, c.firsts, got)
		}
	}
}

func TestReleases(t *testing.T) {
	for i, r := range Releases() {
		if r.Minor != Oldest().Minor+i {
			t.Errorf("the releases have a gap before %s", r)
		}
		for _, text := range []string{r.Line(), "v" + r.Line(), r.String()} {
			if got, err := ParseRelease(text); err != nil || got != r {
				t.Errorf("ParseRelease(%q) is %v, %v", text, got, err)
			}
		}
	}
	if last := Releases()[len(Releases())-1]; last != Newest() {
		t.Errorf("Newest is %s, the last release %s", Newest(), last)
	}
	for i := range table {
		if g := &table[i]; len(g.specs) != len(pinned) {
			t.Errorf("%s has %d columns, want one for each of %d releases", g.Name, len(g.specs), len(pinned))
		}
		for _, need := range table[i].Needs {
			if findGate(need) == nil {
				t.Errorf("%s needs %s, which the table does not have", table[i].Name, need)
			}
		}
	}
}

// FuzzParseTargets reads back what it printed, and never panics.
func FuzzParseTargets(f *testing.F) {
	for _, seed := range []string{"1.29", "1.28..1.37", "1.29/{1.29,1.28+SidecarContainers}", "1.31/1.28,1.33-SidecarContainers", "1.29}/{"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		targets, err := ParseTargets(list)
		if err != nil {
			return
		}
		for _, target := range targets {
			again, err := ParseTargets(target.String())
			if err != nil || names(again) != target.String() {
				t.Errorf("%s reads back as %s, %v", target, names(again), err)
			}
			for _, one := range target.Expand() {
				if _, err := Resolve(one); err != nil {
					t.Errorf("%s cannot be resolved: %v", one, err)
				}
			}
		}
	})
}
