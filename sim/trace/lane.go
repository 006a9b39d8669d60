package trace

// Activity is what a lane shows of a container.
type Activity uint8

// The activities, as a picture tells them apart.
const (
	// Absent: the container cannot run: its Pod is not there yet, or no more.
	Absent Activity = iota
	// Waiting: the container has no process; before its first run, or between two.
	Waiting
	// Up: the process runs, but the kubelet does not count it as started.
	Up
	// UpStarted: … counts as started, but not as ready.
	UpStarted
	// UpReady: … counts as ready.
	UpReady
	// Stopping: the kubelet has begun to stop it and it still runs.
	Stopping
	// Ended: the process ended; the stretch goes on until the next run is waited for.
	Ended
)

// Stretch is a time during which a container does one thing.
type Stretch struct {
	From, To Instant
	Activity Activity
	// Run is the runtime's attempt; meaningful from Up to Ended.
	Run int32
	// ExitCode and Reason are set for Ended; Reason also for Waiting (CrashLoopBackOff).
	ExitCode int32
	Reason   string
}

// Lane is the life of one container in one Pod, without gaps from the Pod's creation to the end of the trace.
type Lane struct {
	Pod       PodRef
	Container int
	Stretches []Stretch
}

// Lanes returns one lane for each container of each Pod, in the order of the table of containers.
func (t *Trace) Lanes() []Lane {
	var lanes []Lane
	for _, pod := range t.Pods() {
		for container := range t.Containers {
			lanes = append(lanes, t.lane(pod, container))
		}
	}
	return lanes
}

func (t *Trace) lane(pod PodRef, container int) Lane {
	l := Lane{Pod: pod, Container: container}
	current := Stretch{Activity: Absent}
	turn := func(at Instant, next Stretch) {
		if at > current.From {
			current.To = at
			l.Stretches = append(l.Stretches, current)
		}
		current = next
		current.From = at
	}
	for i := range t.Events {
		e := &t.Events[i]
		if e.Pod != pod || e.Container != NoContainer && int(e.Container) != container {
			continue
		}
		if next, changes := current.after(e); changes {
			turn(e.At, next)
		}
	}
	turn(max(t.EndedAt, current.From+1), Stretch{})
	return l
}

// after returns what the container does after the event, and whether that is something else.
func (s Stretch) after(e *Event) (Stretch, bool) {
	next := Stretch{Activity: s.Activity, Run: e.Run}
	switch e.Kind {
	case PodCreated:
		next.Activity = Waiting
	case PodRemoved, PodRefused:
		// The last exit stays in the picture.
		if s.Activity == Ended {
			return s, false
		}
		next.Activity = Absent
	case BackOff, CreateError, StartError, PullFailed:
		if s.alive() {
			return s, false
		}
		next.Activity, next.Reason = Waiting, e.Reason
	case PullBegin, Created:
		if s.alive() {
			return s, false
		}
		next.Activity = Waiting
	case Running:
		next.Activity = Up
	case Started, NotReady:
		next.Activity = UpStarted
	case Ready:
		next.Activity = UpReady
	case Killing, PreStopBegin, StopSignal, KillSignal:
		next.Activity = Stopping
	case Exited:
		next.Activity, next.ExitCode, next.Reason = Ended, e.ExitCode, e.Reason
		return next, true
	default:
		return s, false
	}
	if next.alive() && e.Kind != Running && (!s.alive() || s.Activity == Stopping) {
		return s, false
	}
	return next, next.Activity != s.Activity || next.Reason != s.Reason
}

// alive reports whether a process runs.
func (s Stretch) alive() bool { return s.Activity >= Up && s.Activity <= Stopping }
