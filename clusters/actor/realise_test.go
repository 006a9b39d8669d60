package actor

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
	corev1 "k8s.io/api/core/v1"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor/script"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/internal/golden"
	"github.com/sidecar-conformance/sidecar-conformance/sim"
)

// wantFile compares text with a file of testdata, or writes the file with -rewrite.
func wantFile(t *testing.T, name, got string) {
	t.Helper()
	golden.Want(t, *rewrite, name, got)
}

// asYAML prints an object as kubectl would take it.
func asYAML(t *testing.T, object any) string {
	t.Helper()
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	delete(tree, "status")
	out, err := yaml.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func builtin(t *testing.T) []fixtures.Item {
	t.Helper()
	items, err := fixtures.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return items
}

// fixedImage are Options whose image does not change with the program.
var fixedImage = Options{Image: "sidecar-conformance.dev/actor:golden"}

// TestGoldenPods shows the Pods of scenarios with each kind of probe and hook.
func TestGoldenPods(t *testing.T) {
	want := []string{
		"start/mesh-proxy-native",                  // startup and readiness by http, preStop by exec
		"gating/crash-before-the-next-was-created", // startup by tcp, three runs
		"gating/post-start-fails",                  // postStart by exec
		"restart/sidecar-dies-without-its-app",     // killed for its memory
		"skew/sleep-hook",                          // preStop by sleep
	}
	items := builtin(t)
	for _, name := range want {
		i := slices.IndexFunc(items, func(item fixtures.Item) bool { return item.Family+"/"+item.Name == name })
		if i < 0 {
			t.Errorf("there is no scenario %s", name)
			continue
		}
		pod, reasons := Pod(&items[i], fixedImage)
		if pod == nil {
			t.Errorf("%s: %q", name, reasons)
			continue
		}
		wantFile(t, items[i].Name+".yaml", asYAML(t, pod))
	}
	sentinel := Sentinel(SentinelOptions{Options: Options{Image: fixedImage.Image, Restricted: true}, Name: "sentinel-1", Namespace: "observed", Node: "worker", Life: 2e9})
	wantFile(t, "sentinel.yaml", asYAML(t, sentinel))
}

// TestBuiltin realises every scenario, or lists why not.
func TestBuiltin(t *testing.T) {
	var list strings.Builder
	realisable := 0
	items := builtin(t)
	for i := range items {
		item := &items[i]
		r := Realise(item, fixedImage)
		name := item.Family + "/" + item.Name
		if (r.Pod == nil) != (len(r.Reasons) > 0) {
			t.Errorf("%s has neither a Pod nor reasons, or both", name)
		}
		word := "not applicable"
		if r.Pod != nil {
			realisable++
			word = "realisable"
			checkPod(t, name, r)
		}
		fmt.Fprintf(&list, "%s: %s\n", name, word)
		for _, reason := range r.Reasons {
			fmt.Fprintf(&list, "  because %s\n", reason)
		}
		for _, change := range r.Changes {
			fmt.Fprintf(&list, "  changed: %s\n", change)
		}
	}
	fmt.Fprintf(&list, "\n%d of %d scenarios are realisable\n", realisable, len(items))
	t.Logf("%d of %d scenarios are realisable", realisable, len(items))
	wantFile(t, "builtin.txt", list.String())
}

// checkPod holds a Pod against its scenario: the kubelet must read of it what the simulator was told.
func checkPod(t *testing.T, name string, r Realisation) {
	t.Helper()
	text, err := json.Marshal(r.Pod)
	if err != nil {
		t.Fatal(err)
	}
	var again *fixtures.Item
	for doc := range fixtures.Read(strings.NewReader(string(text)), name, fixtures.Options{}) {
		if doc.Item == nil {
			t.Errorf("%s: the Pod cannot be read: %v", name, doc.Problems)
			return
		}
		again = doc.Item
	}
	got, want := again.Scenario.Pod, r.Item.Scenario.Pod
	got.Static = want.Static
	for _, lists := range [][2][]sim.Container{{got.Init, want.Init}, {got.Main, want.Main}} {
		for i := range lists[0] {
			got, want := lists[0][i], lists[1][i]
			got.Behavior, want.Behavior = sim.Behavior{}, sim.Behavior{}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s: the container of the Pod is\n%+v\nthat of the scenario\n%+v", name, got, want)
			}
		}
	}
	got.Init, got.Main, want.Init, want.Main = nil, nil, nil, nil
	if len(r.Ephemeral) != len(want.Ephemeral) {
		t.Errorf("%s: %d ephemeral containers, want %d", name, len(r.Ephemeral), len(want.Ephemeral))
	}
	want.Ephemeral = nil // steps add them
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: the Pod is\n%+v\nthat of the scenario\n%+v", name, got, want)
	}
	checkPorts(t, name, r.Pod)
}

// checkPorts wants every port once in a Pod, and scripts that can be read.
func checkPorts(t *testing.T, name string, pod *corev1.Pod) {
	t.Helper()
	seen := map[int32]bool{}
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		s, err := script.Parse(c.Env[0].Value)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		ports := []int32{s.HTTPPort}
		for _, port := range slices.Concat(s.TCP, s.GRPC) {
			ports = append(ports, port.Port)
		}
		for _, port := range ports {
			if port != 0 && seen[port] {
				t.Errorf("%s: two servers at port %d", name, port)
			}
			seen[port] = true
		}
	}
}

// TestScriptsHoldEverything compares the types of the simulator with those of scripts: a field that is added there and
// forgotten here would be played wrongly without a word.
func TestScriptsHoldEverything(t *testing.T) {
	for _, pair := range [][2]reflect.Type{
		{reflect.TypeFor[sim.Process](), reflect.TypeFor[script.Process]()},
		{reflect.TypeFor[sim.StopReaction](), reflect.TypeFor[script.OnStop]()},
		{reflect.TypeFor[sim.Answer](), reflect.TypeFor[script.Answer]()},
		{reflect.TypeFor[sim.HookRun](), reflect.TypeFor[script.HookRun]()},
	} {
		var names [2][]string
		for i, typ := range pair {
			for field := range typ.Fields() {
				names[i] = append(names[i], field.Name)
			}
		}
		if !slices.Equal(names[0], names[1]) {
			t.Errorf("%v has %v, %v has %v", pair[0], names[0], pair[1], names[1])
		}
	}
	p := sim.Process{For: sim.Forever, ExitCode: 1, OOMKilled: true, OnStop: sim.StopReaction{Ignore: true, After: 2, ExitCode: 3},
		Startup: []sim.Answer{{From: 4, Result: sim.AnswerFailure, Takes: 5}}, Readiness: []sim.Answer{{Takes: 6}}, Liveness: []sim.Answer{{From: 7}},
		PostStart: sim.HookRun{Takes: 8, Fails: true}, PreStop: sim.HookRun{Takes: 9, EndsProcess: true}}
	text, err := json.Marshal(script.Script{Container: "c", MemoryLimit: 1, Runs: []script.Process{process(&p)}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := script.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(s.Runs[0]), fmt.Sprint(process(&p)); got != want {
		t.Errorf("read back as %s, want %s", got, want)
	}
}

func read(t *testing.T, text string) *fixtures.Item {
	t.Helper()
	for doc := range fixtures.Read(strings.NewReader(text), "x.yaml", fixtures.Options{}) {
		if doc.Item == nil {
			t.Fatal(doc.Problems)
		}
		return doc.Item
	}
	return nil
}

const head = `
apiVersion: sidecar-conformance.dev/v1alpha1
kind: Scenario
metadata: {name: x}
spec:
  pod:
    spec:
      containers:
`

// TestReasons shows everything that a cluster cannot do.
func TestReasons(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"pulls that change", head + `      - {name: a, image: b}
  behavior: {a: {pulls: [{result: ErrImagePull}, {result: ok}]}}`, "a registry would have to change"},
		{"creates that change", head + `      - {name: a, image: b}
  behavior: {a: {starts: [{create: Error}, {create: ok}]}}`, "the cluster would have to change"},
		{"start error", head + `      - {name: a, image: b}
  behavior: {a: {starts: [{start: Error}]}}`, "containerd makes it one that exited 128"},
		{"killed with another code", head + `      - {name: a, image: b}
  behavior: {a: {runs: [{for: 1s, oomKilled: true, exitCode: 1}]}}`, "makes it 137"},
		{"exec that errs", head + `      - {name: a, image: b, livenessProbe: {exec: {command: [x]}}}
  behavior: {a: {runs: [{liveness: [{result: error}]}]}}`, "the runtime would have to fail"},
		{"tcp that errs and takes time", head + `      - {name: a, image: b, livenessProbe: {tcpSocket: {port: 1}}}
  behavior: {a: {runs: [{liveness: [{result: error, takes: 1s}]}]}}`, "success or failure\ncontainer a: the liveness probe takes time"},
		{"grpc that errs", head + `      - {name: a, image: b, livenessProbe: {grpc: {port: 1}}}
  behavior: {a: {runs: [{liveness: [{result: error}]}]}}`, "every answer to a call is success or failure"},
		{"postStart by http", head + `      - {name: a, image: b, lifecycle: {postStart: {httpGet: {port: 1}}}}`, "before the process listens"},
		{"sleep that ends the process", head + `      - {name: a, image: b, lifecycle: {preStop: {sleep: {seconds: 1}}}}
  behavior: {a: {runs: [{preStop: {endsProcess: true}}]}}`, "does not know of a sleep"},
		{"no volume", head + `      - {name: a, image: b}
      automountServiceAccountToken: false
  steps: [{name: s, at: 1s, deletePod: {force: true}}]`, "the actor needs a volume"},
	} {
		t.Run(c.name, func(t *testing.T) {
			pod, reasons := Pod(read(t, c.text), fixedImage)
			if got := strings.Join(reasons, "\n"); pod != nil || !strings.Contains(got, c.want) {
				t.Errorf("the reasons are %q, want %q", got, c.want)
			}
		})
	}
}

// TestFailuresForEver shows how failures that never end are realised.
func TestFailuresForEver(t *testing.T) {
	for _, c := range []struct {
		behavior string
		has      func(c *corev1.Container) bool
	}{
		{"pulls: [{result: ErrImagePull}]", func(c *corev1.Container) bool { return c.Image == "sidecar-conformance.invalid/a:missing" }},
		{"pulls: [{result: InvalidImageName, takes: 1s}, {result: InvalidImageName}]", func(c *corev1.Container) bool { return c.Image == "sidecar-conformance.invalid/INVALID/a" }},
		{"starts: [{create: ConfigError}]", func(c *corev1.Container) bool { return c.EnvFrom[0].ConfigMapRef.Name == missing }},
		{"starts: [{create: Error}]", func(c *corev1.Container) bool {
			return *c.SecurityContext.SeccompProfile.LocalhostProfile == missing+".json"
		}},
		{"starts: [{create: ok}, {}]", func(c *corev1.Container) bool { return c.EnvFrom == nil && c.SecurityContext == nil }},
	} {
		item := read(t, head+"      - {name: a, image: b}\n  behavior: {a: {"+c.behavior+"}}")
		r := Realise(item, fixedImage)
		if r.Pod == nil || !c.has(&r.Pod.Spec.Containers[0]) {
			t.Errorf("%s: %v %+v", c.behavior, r.Reasons, r.Pod)
			continue
		}
		if got := r.Item.Scenario.Pod.Main[0].Image; got != r.Pod.Spec.Containers[0].Image || item.Scenario.Pod.Main[0].Image != "b" {
			t.Errorf("%s: the simulator is told of the image %s; the item given has %s", c.behavior, got, item.Scenario.Pod.Main[0].Image)
		}
	}
}

// TestManifest realises a workload that needs much from its cluster.
func TestManifest(t *testing.T) {
	item := read(t, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: prod}
spec:
  template:
    metadata: {labels: {app: shop}, annotations: {team: a}}
    spec:
      serviceAccountName: shop
      hostNetwork: true
      nodeSelector: {disk: fast}
      volumes: [{name: config, configMap: {name: shop}}]
      imagePullSecrets: null
      initContainers:
      - name: proxy
        image: proxy
        restartPolicy: Always
        ports: [{name: admin, containerPort: 15000, hostPort: 15000}]
        livenessProbe: {httpGet: {host: elsewhere, scheme: HTTPS, path: /x, port: admin}, periodSeconds: 7}
        readinessProbe: {tcpSocket: {port: admin}}
        startupProbe: {tcpSocket: {port: 15001}}
      containers:
      - name: shop
        image: shop@sha256:aa
        command: [sh, -c, "exit 1"]
        args: [x]
        env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: s, key: k}}}]
        resources: {requests: {cpu: "64"}}
        securityContext: {runAsUser: 0}
        volumeMounts: [{name: config, mountPath: /etc/shop}]
        livenessProbe: {httpGet: {port: 80}}
`)
	r := Realise(item, Options{Image: fixedImage.Image, Restricted: true})
	if r.Pod == nil {
		t.Fatal(r.Reasons)
	}
	checkPod(t, "shop", r)
	wantFile(t, "deployment.yaml", "# "+strings.Join(r.Changes, "\n# ")+"\n"+asYAML(t, r.Pod))
}
