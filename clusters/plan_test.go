package clusters

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/kind/pkg/apis/config/defaults"
	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// planText is the plan as text, after it has been read back into kind's own types.
func planText(t *testing.T, target gates.Target, o Options) string {
	t.Helper()
	plan, err := NewPlan(target, o)
	if err != nil {
		t.Fatal(err)
	}
	var config v1alpha4.Cluster
	if err := yaml.UnmarshalStrict([]byte(plan.String()), &config); err != nil {
		t.Fatalf("%s: kind does not read the plan: %v\n%s", target, err, plan)
	}
	if config.Name != plan.Name || len(config.Nodes) != len(plan.Nodes) {
		t.Errorf("%s: kind reads the name %q and %d nodes", target, config.Name, len(config.Nodes))
	}
	if len(config.Name+"-control-plane") > 63 || !strings.HasPrefix(config.Name, Prefix) {
		t.Errorf("%s: %q is not a good name", target, config.Name)
	}
	for _, patch := range config.KubeadmConfigPatches {
		wantPatch(t, patch)
	}
	for i, node := range config.Nodes {
		if node.Image != plan.Nodes[i].Image || (node.Role == v1alpha4.ControlPlaneRole) != plan.Nodes[i].Control {
			t.Errorf("%s: kind reads node %d as %+v", target, i, node)
		}
		for _, patch := range node.KubeadmConfigPatches {
			wantPatch(t, patch)
		}
	}
	return plan.String()
}

// wantPatch wants YAML with a kind and without an apiVersion.
func wantPatch(t *testing.T, patch string) {
	t.Helper()
	var object map[string]any
	if err := yaml.Unmarshal([]byte(patch), &object); err != nil || object["kind"] == nil || object["apiVersion"] != nil {
		t.Errorf("the patch %q: %v", patch, err)
	}
}

// TestPlansGolden prints the plan of every cluster of the matrix, for official images and for those without a registry.
func TestPlansGolden(t *testing.T) {
	names := map[string]bool{}
	for _, c := range Matrix() {
		plain := planText(t, c.Target, Options{})
		wantFile(t, "plans/"+c.Name+".yaml", plain)
		wantFile(t, "plans/offline/"+c.Name+".yaml", planText(t, c.Target, Options{Offline: true}))
		if !strings.HasPrefix(plain, "# "+Prefix+c.Name+":") {
			t.Errorf("the plan of %s begins with %.40q", c.Name, plain)
		}
		names[c.Name+".yaml"] = true
	}
	for _, dir := range []string{"plans", "plans/offline"} {
		files, err := os.ReadDir(filepath.Join("testdata", filepath.FromSlash(dir)))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if !file.IsDir() && !names[file.Name()] {
				t.Errorf("%s/%s is of no cluster of the matrix", dir, file.Name())
			}
		}
	}
}

// TestOptionsGolden prints plans for targets and options beyond the matrix.
func TestOptionsGolden(t *testing.T) {
	var b strings.Builder
	for i, c := range []struct {
		why, target string
		options     Options
	}{
		{"two workers of one kind, and a control plane apart; the gates are still the same for all", "1.28+SidecarContainers", Options{Apart: true, Copies: 2}},
		{"a second node of the kind that the control plane serves for", "1.29", Options{Copies: 2}},
		{"the nodes inherit nothing: the API server has the gate, the kubelet has not", "1.28+SidecarContainers/1.28", Options{}},
		{"gates of releases that differ, and older nodes only", "1.31+JobManagedBy/1.29-SidecarContainers", Options{}},
		{"several gates in the order of their names", "1.35-RestartAllContainersOnContainerExits+ReduceDefaultCrashLoopBackOffDecay-NodeDeclaredFeatures", Options{}},
		{"a pinned image", "1.37.0", Options{}},
		{"images for a line and for the rest", "1.30/{1.30,1.29,1.28}", Options{Images: []Image{{"", "all:1"}, {"1.29", "line:1"}, {"1.28", "line:2"}, {"1.28.15", "patch:1"}}}},
		{"cgroup v1 where the kubelet refuses it, and an API", "1.36/1.33", Options{CgroupV1: true, RuntimeConfig: []string{"resource.k8s.io/v1=false", "api/alpha=true"}}},
		{"cgroup v1 where it does not", "1.33", Options{CgroupV1: true, Name: "mine"}},
	} {
		if i > 0 {
			b.WriteString("---\n")
		}
		targets, err := gates.ParseTargets(c.target)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString("# " + c.why + "\n" + planText(t, targets[0], c.options))
	}
	wantFile(t, "plan_options.yaml", b.String())
}

func TestPlanErrors(t *testing.T) {
	good, err := gates.ParseTargets("1.29")
	if err != nil {
		t.Fatal(err)
	}
	skewed := gates.Target{Control: good[0].Control, Nodes: []gates.Component{{Release: gates.Newest()}}, Split: true}
	for _, c := range []struct {
		target  gates.Target
		options Options
		want    string
	}{
		{skewed, Options{}, "which the version skew policy forbids"},
		{good[0], Options{Copies: -1}, "-1 nodes of a kind; want 1 or more"},
		{good[0], Options{Name: "Not Good"}, `name "Not Good": want at most 29 lower case letters, digits, dots and dashes`},
		{good[0], Options{Name: strings.Repeat("x", 30)}, "want at most 29"},
		{good[0], Options{RuntimeConfig: []string{"api/alpha"}}, `runtime configuration "api/alpha": want API=true or API=false`},
		{good[0], Options{Images: []Image{{"1.28", "x:1"}}}, `image "x:1" is for 1.28, which no target has`},
	} {
		_, err := NewPlan(c.target, c.options)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %+v: %v, want %s", c.target, c.options, err, c.want)
		}
	}
	_, err = NewPlan(skewed, Options{Copies: -1, Name: "?"})
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("three problems at once: %v", err)
	}
}

// TestImages keeps the one digest that the linked kind names, and wants a readable table.
func TestImages(t *testing.T) {
	table := images()
	pinned := 0
	for _, row := range table.Images {
		if _, err := gates.ParseRelease(row.Release); err != nil {
			t.Error(err)
		}
		if !strings.HasPrefix(row.Image, table.Repository+":v"+row.Release) {
			t.Errorf("the image of %s is %s", row.Release, row.Image)
		}
		if strings.Contains(row.Image, "@") {
			pinned++
			if row.Image != defaults.Image {
				t.Errorf("%s is pinned, kind names %s", row.Image, defaults.Image)
			}
		}
	}
	if pinned != 1 {
		t.Errorf("%d images are pinned, want the one that kind names", pinned)
	}
	lines := map[string]bool{}
	for _, r := range gates.Releases() {
		lines[r.Line()] = true
		if got := NodeImage(r); !strings.HasPrefix(got, "kindest/node:v"+r.String()) {
			t.Errorf("the image of %s is %s", r, got)
		}
	}
	for _, line := range table.RefusesCgroupV1 {
		if !lines[line] {
			t.Errorf("%q is no release line", line)
		}
	}
	// Lines are added at the new end; a line that is missing there would start no kubelet.
	if newest := gates.Newest().Line(); table.RefusesCgroupV1[len(table.RefusesCgroupV1)-1] != newest {
		t.Errorf("does the kubelet of %s refuse cgroup v1? images.yaml does not say", newest)
	}
}

func TestParseImage(t *testing.T) {
	for _, c := range []struct {
		text string
		want Image
		err  string
	}{
		{"node:v1", Image{"", "node:v1"}, ""},
		{"1.29=registry.example:5000/node:v1", Image{"1.29", "registry.example:5000/node:v1"}, ""},
		{"v1.29.4=node@sha256:00", Image{"1.29.4", "node@sha256:00"}, ""},
		{"", Image{}, "want IMAGE or RELEASE=IMAGE"},
		{"1.29=", Image{}, "want IMAGE or RELEASE=IMAGE"},
		{"1.99=node", Image{}, `release "1.99" is not known`},
	} {
		got, err := ParseImage(c.text)
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q is %+v, %v", c.text, got, err)
		}
	}
}

func TestMatrix(t *testing.T) {
	if len(Matrix()) < 13 {
		t.Errorf("the matrix has %d clusters", len(Matrix()))
	}
	seen := map[string]string{}
	for _, c := range Matrix() {
		if other := seen[c.Target.String()]; other != "" {
			t.Errorf("%s and %s are the same cluster", c.Name, other)
		}
		seen[c.Target.String()] = c.Name
	}
	_, err := parseMatrix([]byte("- {name: A, target: '1.29', why: x}\n- {name: b, target: '1.99', why: x}\n- {name: c, target: '1.28,1.29', why: x}\n" +
		"- {name: d, target: '1.29'}\n- {name: d, target: '1.28', why: x}\n"))
	if err == nil || strings.Count(err.Error(), "\n") != 4 {
		t.Errorf("five problems: %v", err)
	}
	if _, err := parseMatrix([]byte("- {name: a, targte: x}")); err == nil {
		t.Error("an unknown field is accepted")
	}
}

func TestFind(t *testing.T) {
	for _, c := range []struct{ list, want string }{
		{"1.28-on", "1.28.15+SidecarContainers"},
		{"1.28-on,1.29-mixed, 1.29-off", "1.28.15+SidecarContainers 1.29.15/{1.29.15,1.28.15} 1.29.15-SidecarContainers"},
		{"1.30/{1.30,1.29},1.31..1.32", "1.30.14/{1.30.14,1.29.15} 1.31.14 1.32.13"},
	} {
		targets, err := Find(c.list)
		var got []string
		for _, target := range targets {
			got = append(got, target.String())
		}
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%q is %v, %v", c.list, got, err)
		}
	}
	if all, err := Find("all"); err != nil || len(all) != len(Matrix()) {
		t.Errorf("all is %d clusters, %v", len(all), err)
	}
	if _, err := Find("1.28-of,1.99"); err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("two problems: %v", err)
	}
}
