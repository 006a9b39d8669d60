package trace

import "time"

// story builds a trace by hand, one event after the other.
type story struct{ Trace }

func (s *story) at(seconds float64, kind Kind, container string, causes ...Cause) *Event {
	position := int16(NoContainer)
	for i, c := range s.Containers {
		if c.Name == container {
			position = int16(i)
		}
	}
	s.Events = append(s.Events, Event{
		At: Instant(seconds * float64(time.Second)), Kind: kind, Container: position, Causes: causes,
	})
	return &s.Events[len(s.Events)-1]
}

// last is the position of the newest event; by makes it the cause of the next one.
func (s *story) last() int32 { return int32(len(s.Events) - 1) }

func (s *story) by(because string, window ...time.Duration) Cause {
	return because1(s.last(), because, window...)
}

func because1(event int32, because string, window ...time.Duration) Cause {
	c := Cause{Event: event, Because: because}
	if len(window) == 2 {
		c.Window = Window{window[0], window[1]}
	}
	return c
}

// sample is the life of a Pod with a sidecar and a main container on 1.29: it starts, is deleted, and goes.
func sample() *Trace {
	s := &story{Trace{
		Target: "1.29.15", Scenario: "sample", Ending: EndingRemoved,
		Containers: []Container{{"proxy", RoleSidecar}, {"app", RoleMain}},
		Assumed:    []string{"app runs until it is stopped"},
		Choices:    []Choice{{At: 40 * Instant(time.Second), Point: "kill order", Options: 2, Taken: 1}},
		Unknown:    []Unknown{{"spec.resizePolicy", "resize is not simulated"}},
	}}
	s.at(0, PodCreated, "")
	s.at(0.01, PodBound, "", s.by("scheduler"))
	s.at(0.01, Sync, "", s.by("watch"))
	s.at(0.3, SandboxReady, "", s.by("", 0, 5*time.Second))
	s.at(0.32, Created, "proxy", s.by("first init container"))
	s.at(0.33, Running, "proxy", s.by(""))
	running := s.last()
	s.at(1.2, Relist, "", s.by("relist period 1s", 0, time.Second))
	s.at(1.2, Sync, "", s.by(""))
	s.at(2.3, StartupPassed, "proxy", because1(running, "period 2s", 0, 2*time.Second))
	s.at(2.3, Started, "proxy", s.by(""))
	s.at(2.3, Ready, "proxy", s.by("no readiness probe"))
	s.at(2.3, Sync, "", s.by(""))
	s.at(2.32, Created, "app", s.by("all init containers are done"), because1(3, ""))
	s.at(2.33, Running, "app", s.by(""))
	s.at(3.2, Relist, "", s.by("relist period 1s", 0, time.Second))
	s.at(3.2, Started, "app", s.by(""))
	s.at(3.2, Ready, "app", s.by("no readiness probe"))
	s.at(20, DeleteRequested, "", because1(0, "scenario")).Span = 30 * time.Second
	s.at(20.01, SyncTerminating, "", s.by("watch"))
	s.at(20.01, Killing, "app", s.by("")).Span = 30 * time.Second
	s.at(20.01, PreStopBegin, "app", s.by(""))
	s.at(25.01, PreStopEnd, "app", s.by("", 0, Unbounded))
	s.at(25.01, StopSignal, "app", s.by("")).Span = 25 * time.Second
	s.at(25.5, Exited, "app", s.by("")).ExitCode = 143
	s.at(25.5, TurnReached, "proxy", s.by("last main container is gone")).Span = 24510 * time.Millisecond
	s.at(25.5, StopSignal, "proxy", s.by("")).Span = 24510 * time.Millisecond
	e := s.at(25.9, Exited, "proxy", s.by(""))
	e.ExitCode, e.Reason = 143, "Error"
	s.at(26.2, Relist, "", s.by("relist period 1s", 0, time.Second))
	s.at(26.3, PodRemoved, "", s.by("status is final"))
	s.EndedAt = s.Events[s.last()].At
	s.Statuses = sampleStatuses()
	return &s.Trace
}

func sampleStatuses() []Status {
	none := ContainerState{}
	waiting := ContainerStatus{Present: true, State: ContainerState{Kind: StateWaiting, Reason: "PodInitializing", Run: -1}}
	runs := ContainerStatus{Present: true, State: ContainerState{Kind: StateRunning}, Last: none, Started: true, Ready: true}
	ended := ContainerStatus{Present: true, State: ContainerState{Kind: StateTerminated, Reason: "Error", ExitCode: 143}}
	conditions := func(initialized, ready ContainerSet) []Condition {
		condition := func(kind ConditionType, missing ContainerSet, reason string) Condition {
			if missing == 0 {
				return Condition{Type: kind, True: true}
			}
			return Condition{Type: kind, Reason: reason, Containers: missing}
		}
		return []Condition{
			{Type: PodReadyToStartContainers, True: true},
			condition(PodInitialized, initialized, "ContainersNotInitialized"),
			condition(PodReady, ready, "ContainersNotReady"),
			condition(ContainersReady, ready, "ContainersNotReady"),
			{Type: PodScheduled, True: true},
		}
	}
	both := ContainerSet(0).With(0).With(1)
	second := Instant(time.Second)
	return []Status{
		{Phase: PhasePending, Event: 0},
		{At: second / 100, Phase: PhasePending, Conditions: conditions(1, both), Containers: []ContainerStatus{waiting, waiting}, Event: 2},
		{At: 23 * second / 10, Phase: PhasePending, Conditions: conditions(0, 2), Containers: []ContainerStatus{runs, waiting}, Event: 11},
		{At: 32 * second / 10, Phase: PhaseRunning, Conditions: conditions(0, 0), Containers: []ContainerStatus{runs, runs}, Event: 14},
		{At: 20 * second, Phase: PhaseRunning, Deleting: true, Conditions: conditions(0, 0), Containers: []ContainerStatus{runs, runs}, Event: 17},
		{At: 262 * second / 10, Phase: PhaseFailed, Deleting: true, Conditions: conditions(0, both), Containers: []ContainerStatus{ended, ended}, Event: -1},
	}
}
