package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/oracle/drive/kept"
	"github.com/sidecar-conformance/sidecar-conformance/oracle/drive/kubelet"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// options are the flags.
type options struct {
	oracle    string
	release   string
	count     int
	seed      uint64
	jitter    float64
	off       bool
	jobs      bool
	keep      string
	replay    string
	runs      int
	shrinks   int
	uncovered string
	want      string
	reach     string
	given     map[string]bool // the flags that are set
}

func main() {
	o := options{given: map[string]bool{}}
	flag.StringVar(&o.oracle, "oracle", "../../build", "folder of the oracle programs")
	flag.StringVar(&o.release, "release", "1.33", "release line, such as 1.33; a replay takes it from the file unless it is given")
	flag.IntVar(&o.count, "n", 1000, "number of Pods")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the Pods")
	flag.Float64Var(&o.jitter, "jitter", 0, "where the kubelet's random waits lie in their range, in [0, 1); each Pod has its own unless it is given")
	flag.BoolVar(&o.off, "off", false, "turn the gate SidecarContainers off for all Pods")
	flag.BoolVar(&o.jobs, "jobs", false, "make a Job of each Pod")
	flag.StringVar(&o.keep, "keep", "found", "folder for the Pods on which simulator and kubelet differ, shrunk; a replay shrinks only if it is given")
	flag.StringVar(&o.replay, "replay", "", "compare the Pod in this file and show the result")
	flag.IntVar(&o.runs, "runs", 20000, "bound of the search through the simulator's free choices")
	flag.IntVar(&o.shrinks, "shrinks", 150, "bound of the tries to shrink a Pod")
	flag.StringVar(&o.uncovered, "uncovered", "", "write the branch outcomes of the simulator that no Pod found equal has reached to this file")
	flag.StringVar(&o.want, "want", "", "keep the Pods that reach a branch outcome of this file, a line each as -uncovered writes them")
	flag.StringVar(&o.reach, "reach", "reaching", "folder for those Pods")
	flag.Parse()
	flag.Visit(func(f *flag.Flag) { o.given[f.Name] = true })

	debug.SetGCPercent(400) // traces come as JSON; what that leaves behind is not to be collected on the simulator's time
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	found, err := run(ctx, o)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(3)
	case found > 0:
		os.Exit(1)
	}
}

// run does what the flags say and returns the number of Pods that differ.
func run(ctx context.Context, o options) (int, error) {
	pod := generated{}
	if o.replay != "" {
		p, err := kept.Read(o.replay)
		if err != nil {
			return 0, err
		}
		name := strings.TrimSuffix(filepath.Base(o.replay), ".json")
		pod = generated{id: strings.TrimPrefix(name, p.Release+"-"), scenario: *p.Scenario, setting: p.Setting}
		pod.scenario.Pod.NoVolumes = true // the oracle mounts nothing
		if !o.given["release"] {
			o.release = p.Release
		}
	}
	c := &comparer{options: o, program: kubelet.Program(o.oracle, o.release), targets: map[kept.Setting]gates.Resolved{}}
	if o.replay != "" {
		return c.replay(ctx, pod)
	}
	return c.fuzz(ctx)
}

// override gives a Pod what a flag asks for.
func (o *options) override(pod *generated) {
	if o.given["jitter"] {
		pod.setting.Jitter = o.jitter
	}
	if o.off {
		pod.setting.ControlOff, pod.setting.NodeOff = true, true
	}
}

// replay compares one Pod and shows what comes of it.
func (c *comparer) replay(ctx context.Context, pod generated) (int, error) {
	c.options.override(&pod)
	results, err := c.compare(ctx, []generated{pod})
	if err != nil {
		return 0, err
	}
	r := &results[0]
	if r.failure != "" {
		return 0, errors.New(r.failure)
	}
	fmt.Printf("%schoices of the best run: %v\nconfig: %+v\n", r.result.Explain(), r.result.Choices, r.config)
	switch {
	case r.equal():
		return 0, nil
	case c.options.given["keep"]:
		return 1, c.report(ctx, pod, *r)
	}
	return 1, nil
}
