package main

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/oracle/drive/kept"
	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// The oracle carries out probes and hooks as exec, except for sleep hooks, and knows no static Pods; so nothing else is drawn.

// maxContainers is the size of the largest Pods.
const maxContainers = 8

// generator draws Pods for one release.
type generator struct {
	seed    uint64
	target  func(kept.Setting) (gates.Resolved, error)
	off     bool     // the release lets the gate SidecarContainers be turned off
	toggles []string // other settings of gates that change what the release does
	jobs    bool     // a Job is made of each Pod
	rules   []string // those of them that are about what rules.go draws
}

func newGenerator(seed uint64, target func(kept.Setting) (gates.Resolved, error)) (*generator, error) {
	g := &generator{seed: seed, target: target}
	plain, err := target(kept.Setting{})
	if err != nil {
		return nil, err
	}
	_, err = target(kept.Setting{ControlOff: true, NodeOff: true})
	g.off = err == nil
	for _, text := range toggles() {
		// A gate that is unknown, locked, refused or of no effect is left out.
		t, err := target(kept.Setting{Toggled: text})
		if err != nil {
			continue
		}
		t.Target, t.Name = plain.Target, plain.Name
		if !reflect.DeepEqual(t, plain) {
			g.toggles = append(g.toggles, text)
			if strings.Contains(text, "+ContainerRestartRules") || strings.Contains(text, "+RestartAll") || strings.Contains(text, "+ContainerStopSignals") {
				g.rules = append(g.rules, text)
			}
		}
	}
	return g, nil
}

// toggles are all settings of single gates, with what must be set along.
func toggles() []string {
	var list []string
	for _, g := range gates.Gates() {
		if g.Name == gates.SidecarContainers {
			continue
		}
		on, off := "+"+g.Name, "-"+g.Name
		for _, needed := range g.Needs {
			on += "+" + needed
		}
		list = append(list, "+"+g.Name, on, off)
		for _, other := range gates.Gates() {
			if slices.Contains(other.Needs, g.Name) {
				off += "-" + other.Name
			}
		}
		list = append(list, off)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// draw makes the choices of one Pod.
type draw struct {
	*rand.Rand
	target *gates.Resolved // with the gate SidecarContainers on
}

func (d draw) oneIn(n int) bool { return d.IntN(n) == 0 }

// odd is a length below the limit that is off every whole second and millisecond, so that processes do not end at the
// instant of a ticker.
func (d draw) odd(limit time.Duration) time.Duration {
	return time.Duration(d.Int64N(int64(limit/time.Millisecond)))*time.Millisecond + 333*time.Microsecond
}

func pick[T any](d draw, list ...T) T { return list[d.IntN(len(list))] }

// generate draws the n-th Pod of the seed; candidate tells apart those that it is chosen from.
func (g *generator) generate(n, candidate uint64) (generated, error) {
	d := draw{Rand: rand.New(rand.NewPCG(g.seed, n|candidate<<48))}
	setting := d.setting(g)
	on := setting
	on.ControlOff, on.NodeOff = false, false
	target, err := g.target(on)
	if err != nil {
		return generated{}, err
	}
	d.target = &target
	s := sim.Scenario{Name: "generated", Horizon: pick(d, time.Minute, 90*time.Second, 90*time.Second, 4*time.Minute)}
	if d.oneIn(25) {
		s.Horizon = 20 * time.Minute
	}
	s.Pod = d.pod()
	latency := latencyOf(0)
	if d.oneIn(8) {
		latency.Sandbox = d.odd(6 * time.Second)
	}
	s.Latency = &latency
	if d.target.Kubelet.BackOffNodeCap && d.oneIn(4) {
		s.Node.MaxContainerRestartPeriod = time.Duration(pick(d, 1, 2, 7, 30, 300)) * time.Second
	}
	if d.oneIn(4) {
		s.Node.EvictionMaxPodGracePeriod = time.Duration(d.IntN(20)) * time.Second
	}
	if d.oneIn(3) {
		s.Node.ShutdownGracePeriod = time.Duration(1+d.IntN(45)) * time.Second
		s.Node.ShutdownGracePeriodCriticalPods = time.Duration(d.IntN(int(s.Node.ShutdownGracePeriod/time.Second)+1)) * time.Second
	}
	for i := range s.Pod.Ephemeral {
		step := d.timed(sim.Step{AddEphemeral: &sim.AddEphemeral{Container: s.Pod.Ephemeral[i].Name}}, &s.Pod)
		s.Steps = append(s.Steps, step)
	}
	for range pick(d, 0, 0, 1, 1, 2, 3) {
		s.Steps = append(s.Steps, d.step(&s.Pod))
	}
	if setting.ControlOff && d.oneIn(2) {
		withoutProbes(s.Pod.Init) // else most are refused
	}
	pod := generated{id: fmt.Sprintf("%d-%d", g.seed, n), scenario: s, setting: setting}
	if g.jobs {
		pod.id = "job-" + pod.id
		err = g.jobOf(n, &pod)
	}
	return pod, err
}

func (d draw) setting(g *generator) kept.Setting {
	s := kept.Setting{Jitter: pick(d, 0, 0.99, d.Float64())}
	switch part := d.IntN(12); {
	case part == 2 && len(g.toggles) > 0:
		s.Toggled = pick(d, g.toggles...)
	case part >= 3 && part <= 5 && len(g.rules) > 0:
		s.Toggled = pick(d, g.rules...)
	case !g.off:
	case part == 0:
		s.ControlOff, s.NodeOff = true, d.oneIn(2)
	case part == 1:
		s.NodeOff = true
	}
	return s
}

func withoutProbes(list []sim.Container) {
	for i := range list {
		c := &list[i]
		c.Startup, c.Readiness, c.Liveness, c.PostStart, c.PreStop = nil, nil, nil, nil, nil
	}
}

func (d draw) pod() sim.Pod {
	pod := sim.Pod{
		Name: "p", Namespace: "default", NoVolumes: true,
		Critical:                      d.oneIn(6),
		RestartPolicy:                 pick(d, sim.RestartAlways, sim.RestartOnFailure, sim.RestartNever),
		TerminationGracePeriodSeconds: pick(d, int64(30), 30, 10, 5, 3, 2, 1, 0, 3600),
	}
	inits, mains := d.IntN(4), 1+d.IntN(2)
	if d.oneIn(6) {
		inits = d.IntN(maxContainers)
		mains = 1 + d.IntN(min(3, maxContainers-inits))
	}
	for i := range inits + mains {
		c := d.container(i, i < inits, pod.TerminationGracePeriodSeconds)
		if i < inits {
			pod.Init = append(pod.Init, c)
		} else {
			pod.Main = append(pod.Main, c)
		}
	}
	if d.oneIn(6) {
		pod.ActiveDeadlineSeconds = 1 + d.Int64N(pick(d, int64(40), 40, 200))
	}
	d.rules(&pod)
	if d.oneIn(3) {
		d.shareImage(&pod)
	}
	if d.oneIn(16) {
		d.spoil(&pod)
	}
	if d.oneIn(6) {
		for i := range 1 + d.IntN(2) {
			pod.Ephemeral = append(pod.Ephemeral, d.ephemeral(inits+mains+i))
		}
	}
	leaveSleepsAlone(pod.Init)
	leaveSleepsAlone(pod.Main)
	return pod
}

// shareImage gives one image to several containers. What becomes of its pulls is said by the first of them.
func (d draw) shareImage(pod *sim.Pod) {
	first := true
	for _, list := range [][]sim.Container{pod.Init, pod.Main} {
		for i := range list {
			c := &list[i]
			if d.oneIn(3) || len(c.Behavior.Pulls) > 0 && c.Behavior.Pulls[0].Result == invalidImageName {
				continue
			}
			c.Image = "images.invalid/shared:1"
			if !first {
				c.Behavior.Pulls = nil
			}
			first = false
		}
	}
}

// spoil sets something that the API server may refuse or drop.
func (d draw) spoil(pod *sim.Pod) {
	for range 1 + d.IntN(2) {
		list := pod.Main
		if len(pod.Init) > 0 && d.oneIn(2) {
			list = pod.Init
		}
		c := &list[d.IntN(len(list))]
		switch d.IntN(10) {
		case 0:
			c.RestartPolicy = pick(d, sim.RestartAlways, sim.RestartOnFailure, sim.RestartNever)
		case 1:
			c.PreStop = &sim.Hook{Handler: sim.HandlerSleep, SleepSeconds: pick(d, d.Int64N(60), 0, -1)}
		case 2:
			c.PostStart = &sim.Hook{Handler: sim.HandlerSleep, SleepSeconds: d.Int64N(4)}
		case 3:
			c.PostStart = &sim.Hook{Handler: sim.HandlerExec}
		case 4:
			d.probesAndHooks(c, pod.TerminationGracePeriodSeconds)
		case 5:
			c.EmptyLifecycle = true
		case 6:
			*pick(d, &c.Startup, &c.Liveness) = d.probe() // perhaps with more than one success
		case 7:
			c.Readiness = d.probe()
			c.Readiness.TerminationGracePeriodSeconds = d.Int64N(3)
		case 8:
			c.RestartRules = append(c.RestartRules, d.rule(true))
		case 9:
			c.StopSignal = "SIGUSR2" // perhaps without an operating system
		}
	}
}

// latencyOf gives each container its own latencies, so that no two containers do the same thing at the same instant.
func latencyOf(i int) sim.Latency {
	ms := func(base, step int) time.Duration { return time.Duration(base+step*i) * time.Millisecond }
	return sim.Latency{Sandbox: ms(213, 0), Pull: ms(101, 6), Create: ms(17, 3), Start: ms(29, 5), Stop: ms(11, 2), Exec: ms(7, 2)}
}

func (d draw) step(pod *sim.Pod) sim.Step {
	step := sim.Step{}
	switch d.IntN(12) {
	case 0:
		step.LoseSandbox = &sim.LoseSandbox{}
	case 1:
		down := d.odd(pick(d, time.Millisecond, 4*time.Second, 40*time.Second))
		if d.oneIn(2) {
			step.RestartKubelet = &sim.RestartKubelet{Down: down}
		} else {
			step.RebootNode = &sim.RebootNode{Down: down, Orderly: d.oneIn(2)}
		}
	case 6:
		step.ShutdownNode = &sim.ShutdownNode{}
	case 2:
		step.Evict = &sim.Evict{Mode: pick(d, sim.EvictAPI, sim.EvictHard, sim.EvictSoft, sim.EvictPreempt)}
	case 3:
		name := d.anyOf(pod).Name
		if d.target.API.Resize && d.oneIn(2) {
			for range 1 + d.IntN(2) {
				step.Patch = d.resize(step.Patch, pod)
			}
			break
		}
		step.Patch = &sim.Patch{Images: []sim.ImageChange{{Container: name, Image: fmt.Sprintf("images.invalid/next-%s:%d", name, d.IntN(2))}}}
	case 4, 5:
		name := d.anyOf(pod).Name
		if n := len(pod.Ephemeral); n > 0 && d.oneIn(3) {
			name = pod.Ephemeral[d.IntN(n)].Name
		}
		step.Kill = &sim.Kill{Container: name, Signal: pick(d, sim.SignalKill, sim.SignalKill, sim.SignalTerm)}
	default:
		step.Delete = d.deletion()
	}
	return d.timed(step, pod)
}

// timed gives a step its time.
func (d draw) timed(step sim.Step, pod *sim.Pod) sim.Step {
	step.At = d.odd(45 * time.Second)
	if d.oneIn(2) {
		step.At = d.odd(pick(d, 40*time.Millisecond, 3*time.Second, 15*time.Second))
		step.After = d.selector(pod)
	}
	return step
}

// resize adds a change of resources to a patch. Plain init containers are left alone: of several changes all would be refused.
func (d draw) resize(patch *sim.Patch, pod *sim.Pod) *sim.Patch {
	if patch == nil {
		patch = &sim.Patch{}
	}
	c := d.anyOf(pod)
	for i := range pod.Init {
		if &pod.Init[i] == c && c.RestartPolicy != sim.RestartAlways {
			c = &pod.Main[0]
		}
	}
	patch.Resize = append(patch.Resize, sim.Resize{Container: c.Name, Restart: d.IntN(3) > 0 && pod.RestartPolicy != sim.RestartNever})
	return patch
}

func (d draw) deletion() *sim.Delete {
	deletion := &sim.Delete{}
	switch d.IntN(8) {
	case 0:
		deletion.Force = true
	case 1, 2, 3:
		grace := 1 + d.Int64N(12)
		deletion.GracePeriodSeconds = &grace
	case 4:
		grace := pick(d, int64(0), 1, 2, 3600)
		deletion.GracePeriodSeconds = &grace
	}
	return deletion
}

func (d draw) anyOf(pod *sim.Pod) *sim.Container {
	i := d.IntN(len(pod.Init) + len(pod.Main))
	if i < len(pod.Init) {
		return &pod.Init[i]
	}
	return &pod.Main[d.IntN(len(pod.Main))]
}

// selector picks an event that both sides show at the same instant.
func (d draw) selector(pod *sim.Pod) *sim.Selector {
	if d.oneIn(4) {
		kind := pick(d, trace.SandboxReady, trace.SandboxStopped, trace.SyncTerminating, trace.DeleteRequested)
		return &sim.Selector{Kind: kind.String(), Run: -1}
	}
	c := d.anyOf(pod)
	kinds := []trace.Kind{trace.Created, trace.Running, trace.Exited, trace.Exited, trace.StopSignal, trace.KillSignal}
	if pulls := c.Behavior.Pulls; c.Image == "" && len(pulls) > 0 && pulls[0].Result != invalidImageName {
		kinds = append(kinds, trace.PullBegin, trace.PullEnd, trace.PullFailed)
	}
	if len(c.Behavior.Starts) > 0 {
		kinds = append(kinds, trace.StartError)
	}
	if c.PostStart != nil && c.PostStart.Handler == sim.HandlerExec {
		kinds = append(kinds, trace.PostStartBegin, trace.PostStartEnd, trace.PostStartFailed)
	}
	if c.PreStop != nil && c.PreStop.Handler == sim.HandlerExec {
		kinds = append(kinds, trace.PreStopBegin)
	}
	return &sim.Selector{Container: c.Name, Kind: pick(d, kinds...).String(), Run: pick(d, int32(-1), -1, 0, 1), Nth: pick(d, int32(0), 0, 1, 2)}
}
