package trace

import (
	"fmt"
	"sort"
	"strconv"
	"time"
)

// PrintRules are the two points in which releases of the API server print a Pod differently.
type PrintRules struct {
	// TerminatingHidesTerminal: a deleted Pod reads Terminating even when its phase is terminal.
	TerminatingHidesTerminal bool
	// FailureShowsThroughCompleted: where the first main container completed and another failed, STATUS shows the failure.
	FailureShowsThroughCompleted bool
}

// Columns are what kubectl get pod prints of one Pod.
type Columns struct{ Ready, Status, Restarts, Age string }

// ColumnsAt returns the columns as the API server would have printed them at the instant; false where it has no such
// Pod then. Source: pkg/printers/internalversion/printers.go, printPod.
func (t *Trace) ColumnsAt(pod PodRef, at Instant, rules PrintRules) (Columns, bool) {
	s := t.StatusAt(pod, at)
	if s == nil {
		return Columns{}, false
	}
	if _, gone := t.RemovedAt(pod, at); gone {
		return Columns{}, false
	}
	p := printer{trace: t, status: s, reason: s.Phase.String(), last: -1, sidecarLast: -1}
	if s.Reason != "" {
		p.reason = s.Reason
	}
	p.walkInit()
	if !p.initializing || p.condition(PodInitialized) {
		p.walkMains(rules)
	}
	if s.Deleting && (rules.TerminatingHidesTerminal || !s.Phase.Terminal()) {
		p.reason = "Terminating"
	}
	return Columns{
		Ready:    fmt.Sprintf("%d/%d", p.ready, p.total()),
		Status:   p.reason,
		Restarts: p.restartsAt(at),
		Age:      HumanDuration(at.Sub(t.createdAt(pod))),
	}, true
}

// printer is the state of one run of printPod.
type printer struct {
	trace        *Trace
	status       *Status
	reason       string
	initializing bool
	ready        int
	restarts     int32
	// sidecarRestarts and sidecarLast count the sidecars only: once initialized, plain init containers do not show.
	sidecarRestarts   int32
	last, sidecarLast Instant // when the newest of the restarted runs ended; -1: none
}

func (p *printer) role(i int) Role { return p.trace.Containers[i].Role }

func (p *printer) total() int {
	total := 0
	for i := range p.trace.Containers {
		if r := p.role(i); r == RoleMain || r == RoleSidecar {
			total++
		}
	}
	return total
}

func (p *printer) condition(kind ConditionType) bool {
	for _, c := range p.status.Conditions {
		if c.Type == kind {
			return c.True
		}
	}
	return false
}

// walkInit goes through the init containers up to the first that holds the Pod back.
func (p *printer) walkInit() {
	number, count := -1, p.countInit()
	for i := range p.status.Containers {
		role, c := p.role(i), &p.status.Containers[i]
		if role != RoleInit && role != RoleSidecar {
			continue
		}
		if !c.Present {
			continue
		}
		number++
		p.count(i, c)
		switch {
		case c.State.Kind == StateTerminated && c.State.ExitCode == 0:
		case role == RoleSidecar && c.Started:
			if c.Ready {
				p.ready++
			}
		default:
			p.reason, p.initializing = initReason(c.State, number, count), true
			return
		}
	}
}

func (p *printer) countInit() int {
	count := 0
	for i := range p.trace.Containers {
		if r := p.role(i); r == RoleInit || r == RoleSidecar {
			count++
		}
	}
	return count
}

func (p *printer) count(i int, c *ContainerStatus) {
	ended := p.trace.endOf(p.status.Pod, i, c.Last)
	p.restarts += c.Restarts
	p.last = max(p.last, ended)
	if p.role(i) == RoleSidecar {
		p.sidecarRestarts += c.Restarts
		p.sidecarLast = max(p.sidecarLast, ended)
	}
}

func initReason(s ContainerState, number, count int) string {
	switch {
	case s.Kind == StateTerminated && s.Reason != "":
		return "Init:" + s.Reason
	case s.Kind == StateTerminated:
		return fmt.Sprintf("Init:ExitCode:%d", s.ExitCode)
	case s.Kind == StateWaiting && s.Reason != "" && s.Reason != "PodInitializing":
		return "Init:" + s.Reason
	}
	return fmt.Sprintf("Init:%d/%d", number, count)
}

// walkMains goes through the main containers in the status's order, which is that of their names, from the last to the
// first: the first one has the last word.
func (p *printer) walkMains(rules PrintRules) {
	p.restarts, p.last = p.sidecarRestarts, p.sidecarLast
	running, failure := false, ""
	mains := p.mains()
	for n := len(mains) - 1; n >= 0; n-- {
		i := mains[n]
		c := &p.status.Containers[i]
		p.restarts += c.Restarts
		p.last = max(p.last, p.trace.endOf(p.status.Pod, i, c.Last))
		switch {
		case c.State.Kind == StateWaiting && c.State.Reason != "":
			p.reason = c.State.Reason
		case c.State.Kind == StateTerminated:
			p.reason = endReason(c.State)
			if c.State.ExitCode != 0 {
				failure = p.reason
			}
		case c.State.Kind == StateRunning && c.Ready:
			running = true
			p.ready++
		}
	}
	if p.reason != "Completed" {
		return
	}
	switch {
	case running && p.condition(PodReady):
		p.reason = "Running"
	case rules.FailureShowsThroughCompleted && failure != "":
		p.reason = failure
	case running:
		p.reason = "NotReady"
	}
}

// mains returns the positions of the main containers that the status has, sorted by name.
func (p *printer) mains() []int {
	var positions []int
	for i := range p.status.Containers {
		if p.role(i) == RoleMain && p.status.Containers[i].Present {
			positions = append(positions, i)
		}
	}
	sort.Slice(positions, func(a, b int) bool {
		return p.trace.Containers[positions[a]].Name < p.trace.Containers[positions[b]].Name
	})
	return positions
}

func endReason(s ContainerState) string {
	if s.Reason != "" {
		return s.Reason
	}
	return fmt.Sprintf("ExitCode:%d", s.ExitCode)
}

func (p *printer) restartsAt(at Instant) string {
	count := strconv.Itoa(int(p.restarts))
	if p.restarts == 0 || p.last < 0 {
		return count
	}
	return count + " (" + HumanDuration(at.Sub(p.last)) + " ago)"
}

// endOf returns when the run that the state tells of ended, or -1. The API keeps whole seconds.
func (t *Trace) endOf(pod PodRef, container int, s ContainerState) Instant {
	if s.Kind != StateTerminated {
		return -1
	}
	for i := range t.Events {
		e := &t.Events[i]
		if e.Kind == Exited && int(e.Container) == container && e.Run == s.Run && e.Pod == pod {
			return e.At - e.At%Instant(time.Second)
		}
	}
	return -1
}

func (t *Trace) createdAt(pod PodRef) Instant {
	for i := range t.Events {
		if e := &t.Events[i]; e.Kind == PodCreated && e.Pod == pod {
			return e.At
		}
	}
	return 0
}

// HumanDuration writes a length as kubectl does in AGE: "45s", "3m20s", "25m", "5h10m", "3d4h".
func HumanDuration(d time.Duration) string {
	seconds, minutes, hours := int(d/time.Second), int(d/time.Minute), int(d/time.Hour)
	switch {
	case seconds < 120:
		return fmt.Sprintf("%ds", max(seconds, 0))
	case minutes < 10:
		return twoUnits(minutes, "m", seconds%60, "s")
	case minutes < 180:
		return fmt.Sprintf("%dm", minutes)
	case hours < 8:
		return twoUnits(hours, "h", minutes%60, "m")
	case hours < 48:
		return fmt.Sprintf("%dh", hours)
	case hours < 24*8:
		return twoUnits(hours/24, "d", hours%24, "h")
	case hours < 24*365*2:
		return fmt.Sprintf("%dd", hours/24)
	case hours < 24*365*8:
		return twoUnits(hours/24/365, "y", hours/24%365, "d")
	}
	return fmt.Sprintf("%dy", hours/24/365)
}

func twoUnits(large int, largeUnit string, small int, smallUnit string) string {
	if small == 0 {
		return fmt.Sprintf("%d%s", large, largeUnit)
	}
	return fmt.Sprintf("%d%s%d%s", large, largeUnit, small, smallUnit)
}
