package judge

import (
	"cmp"
	"slices"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// evidence is an observation prepared for comparisons with many runs.
type evidence struct {
	o        *Observation
	how      How
	slack    time.Duration
	view     view
	scenario *sim.Scenario // with the steps at the instants at which they were taken
	guide    *sim.Guide
	index    map[eventKey][]int32 // positions in o.Seen, in their order
	versions []*trace.Status      // of the status, as far as they show something new
	arrived  []Interval
	spare    int // how many versions may be missing that lasted as long as a period of the relist
}

// eventKey is what tells events apart; of those with one key the first is the first.
type eventKey struct {
	container int16
	kind      trace.Kind
	run       int32
}

func keyOf(e *trace.Event) eventKey { return eventKey{e.Container, e.Kind, e.Run} }

// sharp is how wide an interval may be to count as an instant for a replay.
const sharp = 50 * time.Millisecond

// afterHorizon is how long beyond the horizon is simulated: what was seen just before it may come later in a run.
const afterHorizon = 30 * time.Second

func prepare(s *sim.Scenario, o *Observation, how How) *evidence {
	v := &evidence{o: o, how: how, slack: o.delay(how), view: viewOf(s, trace.Never), index: make(map[eventKey][]int32, len(o.Seen))}
	v.guide = &sim.Guide{Longest: how.Call + v.slack, Drift: how.Drift + v.slack, Removals: o.Removals}
	for i := range o.Seen {
		e := &o.Seen[i].Event
		if o.Seen[i].Source == SourceKubeEvent {
			continue // it names no run, comes several times, and is lost at times: it is for the reader
		}
		key := keyOf(e)
		v.index[key] = append(v.index[key], int32(i))
		if at, ok := moment(&o.Seen[i]); ok {
			v.guide.Moments = append(v.guide.Moments, sim.Moment{At: at, Container: e.Container, Run: e.Run, Kind: e.Kind, ExitCode: e.ExitCode, Reason: e.Reason})
		}
	}
	slices.SortStableFunc(v.guide.Moments, func(a, b sim.Moment) int { return cmp.Compare(a.At, b.At) })
	v.scenario = v.guided(s)
	var last *trace.Status
	for i := range o.Statuses {
		if now := &o.Statuses[i].Status; showsNews(last, now) {
			v.versions, v.arrived, last = append(v.versions, now), append(v.arrived, o.Statuses[i].Arrived), now
		}
	}
	return v
}

// moment is the instant at which a run is to have what was observed; ok is false if that is not known well enough. The simulator has one
// instant for the end of a process and for the runtime's word of it, and what follows on a node follows from the word.
func moment(s *Seen) (at trace.Instant, ok bool) {
	if s.Source == SourceRuntime && s.Event.Kind == trace.Exited {
		return s.Latest, true
	}
	return s.Earliest, s.Latest.Sub(s.Earliest) <= sharp
}

// guided is the scenario with its steps at the instants at which they were taken.
func (v *evidence) guided(s *sim.Scenario) *sim.Scenario {
	guided := *s
	guided.Horizon = time.Duration(v.o.Horizon) + afterHorizon
	guided.Steps = slices.Clone(s.Steps)
	taken := make([]bool, len(guided.Steps))
	for i := range v.o.Seen {
		seen := &v.o.Seen[i]
		if seen.Source != SourceSteps {
			continue
		}
		for n := range guided.Steps {
			if step := &guided.Steps[n]; !taken[n] && v.tellsOf(&seen.Event, step) {
				step.At, step.After, taken[n] = time.Duration(seen.Earliest), nil, true
				break
			}
		}
	}
	return &guided
}

// Tellable reports whether an observation can say that a step of this kind was taken. A recorder takes no others.
func Tellable(s *sim.Step) bool {
	return s.Delete != nil || s.Kill != nil || s.LoseSandbox != nil || s.AddEphemeral != nil || throughAPI(s.Evict)
}

// throughAPI says that an eviction is the API server's, which deletes the Pod; the others are a kubelet's own.
func throughAPI(e *sim.Evict) bool { return e != nil && e.Mode == sim.EvictAPI }

// tellsOf reports whether an event of the recorder's own is of a step.
func (v *evidence) tellsOf(e *trace.Event, s *sim.Step) bool {
	switch e.Kind {
	case trace.DeleteRequested:
		return s.Delete != nil || throughAPI(s.Evict)
	case trace.OutsideSignal:
		return s.Kill != nil && s.Kill.Container == v.o.Containers[e.Container].Name && string(s.Kill.Signal) == e.Reason
	case trace.SandboxStopped:
		return s.LoseSandbox != nil
	case trace.EphemeralAdded:
		return s.AddEphemeral != nil && s.AddEphemeral.Container == v.o.Containers[e.Container].Name
	}
	return false
}

// decides reports whether an event of this kind must be on both sides or on none.
func (v *evidence) decides(e *trace.Event) bool {
	if !v.o.shows(e.Kind) {
		return false
	}
	switch e.Kind {
	case trace.DeleteRequested, trace.OutsideSignal:
		return false // what was done is given, and a deletion that changes nothing is no event
	case trace.PostStartBegin:
		return !v.view.sleepPostStart.Has(int(e.Container))
	case trace.PreStopBegin:
		return !v.view.sleepPreStop.Has(int(e.Container))
	}
	return true
}

// showsNews reports whether a version shows something that the one before does not, and that the kubelet wrote.
func showsNews(last, now *trace.Status) bool {
	if len(now.Containers) == 0 || !anyPresent(now) {
		return false
	}
	return last == nil || !sameStatus(last, now)
}

// sameStatus compares what the API shows of two versions; which run a state tells of it does not show.
func sameStatus(a, b *trace.Status) bool {
	if a.Phase != b.Phase || a.Reason != b.Reason || a.Deleting != b.Deleting || len(a.Containers) != len(b.Containers) ||
		len(a.Conditions) != len(b.Conditions) {
		return false
	}
	for i := range a.Containers {
		x, y := a.Containers[i], b.Containers[i]
		x.State.Run, x.Last.Run, y.State.Run, y.Last.Run = 0, 0, 0, 0
		if x != y {
			return false
		}
	}
	for _, c := range a.Conditions {
		if !slices.Contains(b.Conditions, c) {
			return false
		}
	}
	return true
}

// sameStates compares the kinds of the containers' states alone.
func sameStates(a, b *trace.Status) bool {
	if len(a.Containers) != len(b.Containers) {
		return false
	}
	for i := range a.Containers {
		if a.Containers[i].State.Kind != b.Containers[i].State.Kind {
			return false
		}
	}
	return true
}
