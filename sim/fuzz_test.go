package sim

import (
	"fmt"
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/internal/random"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// dice turns fuzz input into choices; it gives zeros when the input is used up.
type dice struct{ data []byte }

func (d *dice) roll(n int) int {
	if len(d.data) == 0 {
		return 0
	}
	v := int(d.data[0])
	d.data = d.data[1:]
	return v % n
}

func (d *dice) millis(limit int) time.Duration {
	return time.Duration((d.roll(256)<<8|d.roll(256))%limit) * time.Millisecond
}

// randomScenario draws a Pod with everything that the model knows, extreme values included.
func randomScenario(d *dice) *Scenario {
	policies := []RestartPolicy{RestartAlways, RestartOnFailure, RestartNever}
	s := &Scenario{Name: "fuzz", Pod: Pod{
		Name: "p", RestartPolicy: policies[d.roll(3)],
		TerminationGracePeriodSeconds: []int64{30, 0, 1, 2, 10, 1 << 40}[d.roll(6)],
		ActiveDeadlineSeconds:         []int64{0, 0, 1, 9, 40}[d.roll(5)],
		Static:                        d.roll(9) == 1,
	}}
	inits, mains := d.roll(5), 1+d.roll(3)
	for i := range inits + mains {
		c := randomContainer(d, string(rune('a'+i)))
		if i < inits {
			c.RestartPolicy = []RestartPolicy{"", RestartAlways, RestartAlways, RestartOnFailure}[d.roll(4)]
			s.Pod.Init = append(s.Pod.Init, c)
			continue
		}
		s.Pod.Main = append(s.Pod.Main, c)
	}
	for range d.roll(3) {
		step := Step{At: d.millis(60_000), Delete: &Delete{Force: d.roll(6) == 1}}
		if d.roll(2) == 1 {
			grace := []int64{0, 1, 5, 1 << 40}[d.roll(4)]
			step.Delete.GracePeriodSeconds = &grace
		}
		if d.roll(4) == 1 {
			step.After = &Selector{Container: "a", Kind: []string{"running", "exited", "preStopBegin"}[d.roll(3)], Run: int32(d.roll(3)) - 1, Nth: int32(d.roll(3))}
		}
		s.Steps = append(s.Steps, step)
	}
	return s
}

func randomContainer(d *dice, name string) Container {
	c := Container{Name: name, Image: []string{"", "x", "y"}[d.roll(3)], AlwaysPull: d.roll(4) == 1}
	c.Startup, c.Readiness, c.Liveness = randomProbe(d), randomProbe(d), randomProbe(d)
	handlers := []Handler{HandlerExec, HandlerSleep, HandlerHTTP, HandlerTCP}
	if d.roll(4) == 1 {
		c.PostStart = &Hook{Handler: handlers[d.roll(4)], SleepSeconds: int64(d.roll(20))}
	}
	if d.roll(4) == 1 {
		c.PreStop = &Hook{Handler: handlers[d.roll(4)], SleepSeconds: int64(d.roll(20))}
	}
	for range d.roll(3) {
		c.Behavior.Pulls = append(c.Behavior.Pulls, Pull{Takes: d.millis(5000), Result: []string{"", "ErrImagePull", reasonInvalidImage}[d.roll(3)]})
	}
	for range d.roll(3) {
		c.Behavior.Starts = append(c.Behavior.Starts, Start{Create: []string{"", "ConfigError", "Error"}[d.roll(3)], Start: []string{"", "Error"}[d.roll(2)]})
	}
	for range d.roll(4) {
		p := Process{For: d.millis(20_000), ExitCode: int32(d.roll(3)), OOMKilled: d.roll(9) == 1}
		if d.roll(2) == 1 {
			p.For = Forever
		}
		p.OnStop = StopReaction{Ignore: d.roll(5) == 1, After: d.millis(20_000), ExitCode: int32(d.roll(3))}
		p.Startup, p.Readiness, p.Liveness = randomAnswers(d), randomAnswers(d), randomAnswers(d)
		p.PostStart = HookRun{Takes: d.millis(9000), Fails: d.roll(4) == 1, EndsProcess: d.roll(6) == 1}
		p.PreStop = HookRun{Takes: d.millis(60_000), Fails: d.roll(4) == 1, EndsProcess: d.roll(6) == 1}
		c.Behavior.Runs = append(c.Behavior.Runs, p)
	}
	return c
}

func randomProbe(d *dice) *Probe {
	if d.roll(3) != 1 {
		return nil
	}
	return &Probe{
		InitialDelaySeconds: int64(d.roll(5)), PeriodSeconds: 1 + int64(d.roll(20)), TimeoutSeconds: 1 + int64(d.roll(3)),
		SuccessThreshold: 1 + int64(d.roll(2)), FailureThreshold: 1 + int64(d.roll(4)),
		TerminationGracePeriodSeconds: int64(d.roll(4)), Handler: []Handler{HandlerExec, HandlerHTTP, HandlerTCP, HandlerGRPC}[d.roll(4)],
	}
}

func randomAnswers(d *dice) []Answer {
	var answers []Answer
	from := time.Duration(0)
	for range d.roll(4) {
		answers = append(answers, Answer{
			From: from, Takes: d.millis(4000) * time.Duration(d.roll(2)),
			Result: []AnswerResult{AnswerSuccess, AnswerFailure, AnswerError}[d.roll(3)],
		})
		from += d.millis(15_000)
	}
	return answers
}

// FuzzRun runs random Pods on random targets: no panic, no trace that contradicts itself, no run without an end.
func FuzzRun(f *testing.F) {
	for seed := range uint64(24) {
		r := random.Source{State: seed}
		data := make([]byte, 400)
		for i := range data {
			data[i] = byte(r.Intn(256))
		}
		f.Add(data, seed)
	}
	targets := gates.AllTargets()
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		d := &dice{data}
		target, err := gates.Resolve(targets[d.roll(len(targets))])
		if err != nil {
			t.Fatal(err)
		}
		scenario := randomScenario(d)
		config := DefaultConfig()
		config.Seed = seed
		config.MaxEvents = 20_000
		tr, err := Run(scenario, target, config)
		if err != nil {
			t.Fatalf("a scenario within its ranges was refused: %v", err)
		}
		if err := tr.Check(); err != nil {
			t.Error(err)
		}
		if len(tr.Events) > config.MaxEvents+200 {
			t.Errorf("%d events, the limit is %d", len(tr.Events), config.MaxEvents)
		}
		for _, broken := range brokenRuns(tr) {
			t.Error(broken)
		}
	})
}

// brokenRuns checks the life of each run of each container: created, running, exited once, in that order. Once no record of a container is
// left the runtime may count its runs from 0 again.
func brokenRuns(tr *trace.Trace) []string {
	type life struct{ created, running, exited, removed bool }
	lives := map[[2]int32]*life{}
	var broken []string
	for i, e := range tr.Events {
		if e.Container == trace.NoContainer {
			continue
		}
		key := [2]int32{int32(e.Container), e.Run}
		if lives[key] == nil {
			lives[key] = &life{}
		}
		l := lives[key]
		bad := false
		switch e.Kind {
		case trace.Created:
			if l.removed {
				*l = life{}
			}
			bad, l.created = l.created, true
		case trace.Removed:
			l.removed = true
		case trace.Running:
			bad, l.running = !l.created || l.running, true
		case trace.Exited:
			bad, l.exited = !l.running || l.exited, true
		case trace.StopSignal, trace.KillSignal:
			bad = !l.running || l.exited
		case trace.PreStopBegin: // a sleep hook sleeps in the kubelet, the container may be gone
			bad = !l.running
		}
		if bad {
			broken = append(broken, fmt.Sprintf("event %d: %v of %s run %d does not fit its life %+v", i, e.Kind, tr.Containers[e.Container].Name, e.Run, *l))
		}
	}
	return broken
}
