// Command record has the real kubelets run the built-in scenarios and the Pods of oracle/cases on every release, and those of
// oracle/reaching on the release of each, and writes what they did into fixtures/oracle, where the simulator is judged against it without a kubelet.
//
// It is run on purpose only: a recording is evidence, and a new one replaces the old one whatever it says.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures/oracle"
	"github.com/sidecar-conformance/sidecar-conformance/oracle/drive/kept"
	"github.com/sidecar-conformance/sidecar-conformance/oracle/drive/kubelet"
	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

func main() {
	programs := flag.String("oracle", "../../build", "folder of the oracle programs")
	folder := flag.String("kept", "../..", "folder of the folders cases and reaching, whose Pods are recorded beside the built-in scenarios")
	out := flag.String("out", "../../../fixtures/oracle/recordings", "folder of the recordings")
	only := flag.String("family", "", "record this family only")
	keep := flag.Bool("keep", false, "keep what is recorded of a Pod that is still the same on releases whose program is not built")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := record(ctx, *programs, *folder, *out, *only, *keep); err != nil {
		fmt.Fprintln(os.Stderr, "record:", err)
		os.Exit(1)
	}
}

// pod is one Pod with the runs that are wanted of it.
type pod struct {
	scenario sim.Scenario
	runs     []oracle.Run
}

func record(ctx context.Context, programs, folder, out, only string, keep bool) error {
	families, order, err := pods(folder)
	if err != nil {
		return err
	}
	var failures []string
	for _, family := range order {
		if only != "" && family != only {
			continue
		}
		r := recorder{programs: programs, family: family}
		if keep {
			if r.before, err = recordedBefore(family); err != nil {
				return err
			}
		}
		if err := r.run(ctx, families[family]); err != nil {
			return err
		}
		var packed bytes.Buffer
		if err := oracle.Write(&packed, r.recordings); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(out, family+oracle.Suffix), packed.Bytes(), 0o644); err != nil {
			return err
		}
		fmt.Printf("\r\x1b[K%s: %d recordings, %d kB; %d runs left out\n", family, len(r.recordings), packed.Len()/1000, len(r.failures))
		failures = append(failures, r.failures...)
	}
	slices.Sort(failures)
	for _, f := range slices.Compact(failures) {
		fmt.Println("left out:", f)
	}
	return nil
}

// pods returns the Pods by family, and the families in their order.
func pods(folder string) (map[string][]pod, []string, error) {
	families, order := map[string][]pod{}, []string{}
	add := func(family string, p pod) {
		if _, known := families[family]; !known {
			order = append(order, family)
		}
		families[family] = append(families[family], p)
	}
	items, err := fixtures.Builtin()
	if err != nil {
		return nil, nil, err
	}
	for i := range items {
		add(items[i].Family, pod{oracle.Playable(items[i].Scenario), oracle.Plan(oracle.NameOf(&items[i]), items[i].Targets)})
	}
	for _, family := range keptFamilies {
		names, err := filepath.Glob(filepath.Join(folder, family, "*.json"))
		if err != nil {
			return nil, nil, err
		}
		for _, file := range names {
			p, err := keptPod(family, file)
			if err != nil {
				return nil, nil, err
			}
			add(family, p)
		}
	}
	return families, order, nil
}

// The families of Pods that are kept as files. Each of the cases is run like a scenario, and with its own jitter; the others are there
// for the branches that they reach on one release, and run there alone.
const (
	familyCases    = "cases"
	familyReaching = "reaching"
)

var keptFamilies = [...]string{familyCases, familyReaching}

// keptPod reads one of those Pods.
func keptPod(family, file string) (pod, error) {
	p, err := kept.Read(file)
	if err != nil {
		return pod{}, err
	}
	target, err := p.Target(p.Release)
	if err != nil {
		return pod{}, fmt.Errorf("%s: %w", file, err)
	}
	name := family + "/" + strings.TrimSuffix(filepath.Base(file), ".json")
	own := oracle.Run{Name: name, Target: target, Jitter: p.Jitter}
	runs := []oracle.Run{own}
	if family == familyCases {
		runs = oracle.Plan(name, []gates.Target{target})
		if !slices.Contains(oracle.Jitters(), p.Jitter) {
			runs = append(runs, own)
		}
	}
	return pod{oracle.Playable(*p.Scenario), runs}, nil
}

// recorder records one family.
type recorder struct {
	programs, family string
	before           map[string]*oracle.Recording // what may be kept, by id and jitter
	recordings       []*oracle.Recording          // in the order of the plan
	failures         []string
}

// recordedBefore is what the project holds of a family; a new family has nothing.
func recordedBefore(family string) (map[string]*oracle.Recording, error) {
	before := map[string]*oracle.Recording{}
	if !slices.Contains(oracle.Families(), family) {
		return before, nil
	}
	for r, err := range oracle.Recordings(family) {
		if err != nil {
			return nil, err
		}
		before[runKey(r.Name, r.Target, r.Config.Jitter)] = r
	}
	return before, nil
}

func runKey(name, target string, jitter float64) string {
	return fmt.Sprint(name, " on ", target, " at ", jitter)
}

// kept is the recording to keep for a job, or nil.
func (r *recorder) kept(j *job) *oracle.Recording {
	for _, release := range []gates.Release{j.run.Target.Control.Release, j.run.Target.Nodes[0].Release} {
		if _, err := os.Stat(kubelet.Program(r.programs, programOf(release))); err == nil {
			continue
		}
		before := r.before[runKey(j.run.Name, j.run.Target.String(), j.run.Jitter)]
		if before != nil && reflect.DeepEqual(before.Scenario, j.pod.scenario) {
			return before
		}
	}
	return nil
}

// job is one run, and where its recording belongs.
type job struct {
	place int
	pod   *pod
	run   oracle.Run
	// admission, where the API server is of another release than the kubelet, is what that API server did.
	admission *admission
}

// admission is the Pod as an API server stored it, and the events of that; refused, if no kubelet ever sees it.
type admission struct {
	scenario sim.Scenario
	events   []trace.Event
	refused  *kubelet.Response
}

func (r *recorder) run(ctx context.Context, pods []pod) error {
	var jobs []job
	for i := range pods {
		for _, run := range pods[i].runs {
			jobs = append(jobs, job{place: len(jobs), pod: &pods[i], run: run})
		}
	}
	r.recordings = make([]*oracle.Recording, len(jobs))
	for i := range jobs {
		r.recordings[i] = r.kept(&jobs[i])
	}
	var skewed []job
	for _, j := range jobs {
		if r.recordings[j.place] == nil && programOf(j.run.Target.Control.Release) != programOf(j.run.Target.Nodes[0].Release) {
			skewed = append(skewed, j)
		}
	}
	err := r.each(ctx, skewed, func(j job) gates.Release { return j.run.Target.Control.Release }, func(ctx context.Context, program string, part []job) error {
		return r.admit(ctx, program, part, jobs)
	})
	if err != nil {
		return err
	}
	asked := slices.DeleteFunc(jobs, func(j job) bool { return r.recordings[j.place] != nil })
	err = r.each(ctx, asked, func(j job) gates.Release { return j.run.Target.Nodes[0].Release }, r.ask)
	r.recordings = slices.DeleteFunc(r.recordings, func(one *oracle.Recording) bool { return one == nil })
	return err
}

// batch is how many Pods one process of an oracle runs; its memory grows with each.
const batch = 50

// each does something with the jobs of each program.
func (r *recorder) each(ctx context.Context, jobs []job, releaseOf func(job) gates.Release, do func(context.Context, string, []job) error) error {
	byProgram := map[string][]job{}
	var names []string
	for _, j := range jobs {
		name := programOf(releaseOf(j))
		if _, known := byProgram[name]; !known {
			names = append(names, name)
		}
		byProgram[name] = append(byProgram[name], j)
	}
	done := 0
	for _, name := range names {
		program := kubelet.Program(r.programs, name)
		if _, err := os.Stat(program); err != nil {
			r.failures = append(r.failures, fmt.Sprintf("%s: no program; \"make oracle RELEASE=%s\" builds it", name, name))
			continue
		}
		for part := range slices.Chunk(byProgram[name], batch) {
			if err := do(ctx, program, part); err != nil {
				return err
			}
			done += len(part)
			fmt.Fprintf(os.Stderr, "\r\x1b[K%s: %d of %d runs (%s)", r.family, done, len(jobs), name)
		}
	}
	return nil
}

// programOf is the release in the name of an oracle's program: a line for its pinned patch release.
func programOf(r gates.Release) string {
	if slices.Contains(gates.Releases(), r) {
		return r.Line()
	}
	return r.String()
}

// admit asks the API server of another release than the kubelet's. The Pod runs on a kubelet of that release for a second,
// of which nothing is kept.
func (r *recorder) admit(ctx context.Context, program string, part, jobs []job) error {
	requests := make([]kubelet.Request, len(part))
	for i, j := range part {
		short := j.pod.scenario
		short.Horizon = time.Second
		gates := kubelet.Gates(j.run.Target.Control)
		requests[i] = kubelet.Request{ID: j.id(), Scenario: &short, Config: kubelet.Config(j.run.Jitter), Control: gates, Node: gates}
	}
	responses, err := kubelet.Ask(ctx, program, requests)
	if err != nil {
		return err
	}
	for i := range responses {
		observed, err := responses[i].Observed()
		if err != nil {
			return err
		}
		a := &admission{scenario: part[i].pod.scenario}
		if observed.Ending == trace.EndingRefused {
			a.refused = &responses[i]
		}
		a.scenario.Pod.Init, a.scenario.Pod.Main = slices.Clone(a.scenario.Pod.Init), slices.Clone(a.scenario.Pod.Main)
		for _, e := range observed.Events {
			if e.Kind != trace.FieldDropped {
				continue
			}
			a.events = append(a.events, e)
			if n := int(e.Container) - len(a.scenario.Pod.Init); n < 0 {
				a.scenario.Pod.Init[e.Container].RestartPolicy = ""
			} else {
				a.scenario.Pod.Main[n].RestartPolicy = ""
			}
		}
		jobs[part[i].place].admission = a
	}
	return nil
}

func (j *job) id() string { return fmt.Sprintf("%s on %v", j.run.Name, j.run.Target) }

// ask has the kubelet of a release run the Pods.
func (r *recorder) ask(ctx context.Context, program string, part []job) error {
	requests := make([]kubelet.Request, len(part))
	for i := range part {
		j := &part[i]
		requests[i] = kubelet.Request{
			ID: j.id(), Scenario: &j.pod.scenario, Config: kubelet.Config(j.run.Jitter),
			Control: kubelet.Gates(j.run.Target.Control), Node: kubelet.Gates(j.run.Target.Nodes[0]),
		}
		if j.admission != nil {
			requests[i].Scenario, requests[i].Control, requests[i].SkipAdmission = &j.admission.scenario, nil, true
		}
	}
	responses, err := kubelet.Ask(ctx, program, requests)
	if err != nil {
		return err
	}
	for i := range responses {
		j, answer := &part[i], &responses[i]
		if j.admission != nil && j.admission.refused != nil {
			answer = j.admission.refused
		}
		if answer.Error != "" {
			r.failures = append(r.failures, fmt.Sprintf("%s: %s", j.run.Name, answer.Error))
			continue
		}
		observed, err := answer.Observed()
		if err != nil {
			return err
		}
		if len(answer.SkippedGates) > 0 {
			return fmt.Errorf("%s: the kubelet has no gate %v", j.id(), answer.SkippedGates)
		}
		if j.admission != nil && j.admission.refused == nil {
			observed.Events = slices.Insert(observed.Events, 1, j.admission.events...)
		}
		observed.Target = j.run.Target.String()
		r.recordings[j.place] = &oracle.Recording{
			Name: j.run.Name, Target: j.run.Target.String(), Release: answer.Release,
			Scenario: j.pod.scenario, Config: answer.Config, Trace: observed,
		}
	}
	return nil
}
