package show

import (
	"fmt"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// At shows the Pod as kubectl would have printed it at the instant: the row of kubectl get pod, and below it what
// kubectl describe pod says about conditions and containers.
func At(run Run, at trace.Instant, o Options) string {
	out := &painter{color: o.Color}
	if run.Trace.HasJob() {
		out.jobAt(run, at)
		return out.String()
	}
	rows := [][]string{{"NAME", "READY", "STATUS", "RESTARTS", "AGE"}}
	columns, exists := run.Trace.ColumnsAt(trace.PodRef{}, at, run.Rules)
	if !exists {
		fmt.Fprintf(out, "at %s, %s: %s\n", trace.ShortDuration(at.Sub(0)), run.Target, absence(run.Trace, at))
		return out.String()
	}
	rows = append(rows, []string{shortName(run.Name), columns.Ready, columns.Status, columns.Restarts, columns.Age})
	out.table(rows, 3)
	fmt.Fprintf(out, "\nTarget:  %s\n", run.Target)
	status := run.Trace.StatusAt(trace.PodRef{}, at)
	out.describe(run.Trace, status)
	return out.String()
}

// jobAt shows a Job's status at the instant, and a row of kubectl get pod for each Pod that there is then.
func (p *painter) jobAt(run Run, at trace.Instant) {
	fmt.Fprintf(p, "Target:  %s\n", run.Target)
	s := run.Trace.JobStatusAt(at)
	if s == nil {
		fmt.Fprintf(p, "at %s the Job has no status\n", trace.ShortDuration(at.Sub(0)))
		return
	}
	fmt.Fprintf(p, "Pods Statuses:  %d Active (%d Ready) / %d Succeeded / %d Failed\n", s.Active, max(s.Ready, 0), s.Succeeded, s.Failed)
	for _, c := range s.Conditions {
		if c.True {
			fmt.Fprintf(p, "Condition:  %s  %s\n", c.Type, c.Reason)
		}
	}
	p.WriteByte('\n')
	rows := [][]string{{"NAME", "READY", "STATUS", "RESTARTS", "AGE"}}
	for _, pod := range run.Trace.Pods() {
		if columns, exists := run.Trace.ColumnsAt(pod, at, run.Rules); exists {
			rows = append(rows, []string{shortName(run.Name) + "-" + pod.String(), columns.Ready, columns.Status, columns.Restarts, columns.Age})
		}
	}
	p.table(rows, 3)
}

// AtEach shows one row of kubectl get pod for each run.
func AtEach(runs []Run, at trace.Instant, o Options) string {
	out := &painter{color: o.Color}
	rows := [][]string{{"TARGET", "NAME", "READY", "STATUS", "RESTARTS", "AGE"}}
	for _, run := range runs {
		columns, exists := run.Trace.ColumnsAt(trace.PodRef{}, at, run.Rules)
		if !exists {
			rows = append(rows, []string{run.Target, shortName(run.Name), absence(run.Trace, at)})
			continue
		}
		rows = append(rows, []string{run.Target, shortName(run.Name), columns.Ready, columns.Status, columns.Restarts, columns.Age})
	}
	out.table(rows, 3)
	return out.String()
}

// absence says why there is no Pod at the instant.
func absence(t *trace.Trace, at trace.Instant) string {
	if t.Ending == trace.EndingRefused {
		return neverRan(t)
	}
	if removed, gone := t.RemovedAt(trace.PodRef{}, at); gone {
		return "not found: removed at " + trace.Seconds(removed)
	}
	return "not found"
}

func shortName(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// table writes cells in columns. Rows may be short.
func (p *painter) table(rows [][]string, gap int) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			if i < len(row)-1 || len(row) == len(rows[0]) {
				widths[i] = max(widths[i], len([]rune(cell)))
			}
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-len([]rune(cell))+gap))
			}
		}
		p.WriteString(strings.TrimRight(b.String(), " ") + "\n")
	}
}

func (p *painter) describe(t *trace.Trace, s *trace.Status) {
	if s.Deleting {
		p.WriteString("Status:  " + s.Phase.String() + " (terminating)\n")
	} else {
		p.WriteString("Status:  " + s.Phase.String() + "\n")
	}
	if s.Reason != "" {
		p.WriteString("Reason:  " + s.Reason + "\n")
	}
	if s.Message != "" {
		p.WriteString("Message: " + s.Message + "\n")
	}
	p.containerStates(t, s, "Init Containers:", trace.RoleInit, trace.RoleSidecar)
	p.containerStates(t, s, "Containers:", trace.RoleMain, trace.RoleMain)
	p.containerStates(t, s, "Ephemeral Containers:", trace.RoleEphemeral, trace.RoleEphemeral)
	p.conditions(t, s)
}

func (p *painter) containerStates(t *trace.Trace, s *trace.Status, title string, one, other trace.Role) {
	shown := false
	for i := range s.Containers {
		if r := t.Containers[i].Role; r != one && r != other || !s.Containers[i].Present {
			continue
		}
		if !shown {
			p.WriteString(title + "\n")
			shown = true
		}
		p.containerState(t, s, i)
	}
}

func (p *painter) containerState(t *trace.Trace, s *trace.Status, i int) {
	c := &s.Containers[i]
	p.WriteString("  " + t.Containers[i].Name + ":\n")
	p.state(t, s, i, "State:", c.State)
	if c.Last.Kind != trace.StateNone {
		p.state(t, s, i, "Last State:", c.Last)
	}
	ready := "False"
	if c.Ready {
		ready = "True"
	}
	fmt.Fprintf(p, "    %-15s%s\n", "Ready:", ready)
	fmt.Fprintf(p, "    %-15s%d\n", "Restart Count:", c.Restarts)
}

func (p *painter) state(t *trace.Trace, s *trace.Status, container int, title string, state trace.ContainerState) {
	words := [...]string{trace.StateNone: "Waiting", trace.StateWaiting: "Waiting", trace.StateRunning: "Running", trace.StateTerminated: "Terminated"}
	fmt.Fprintf(p, "    %-15s%s\n", title, words[state.Kind])
	line := func(name, value string) { fmt.Fprintf(p, "      %-13s%s\n", name, value) }
	if state.Reason != "" {
		line("Reason:", state.Reason)
	}
	if state.Kind == trace.StateTerminated {
		line("Exit Code:", fmt.Sprint(state.ExitCode))
	}
	if state.Kind == trace.StateRunning || state.Kind == trace.StateTerminated {
		if at := instantOf(t, s.Pod, container, state.Run, trace.Running); at >= 0 {
			line("Started:", trace.Seconds(at))
		}
	}
	if state.Kind == trace.StateTerminated {
		if at := instantOf(t, s.Pod, container, state.Run, trace.Exited); at >= 0 {
			line("Finished:", trace.Seconds(at))
		}
	}
}

func instantOf(t *trace.Trace, pod trace.PodRef, container int, run int32, kind trace.Kind) trace.Instant {
	for i := range t.Events {
		if e := &t.Events[i]; e.Kind == kind && int(e.Container) == container && e.Run == run && e.Pod == pod {
			return e.At
		}
	}
	return -1
}

func (p *painter) conditions(t *trace.Trace, s *trace.Status) {
	if len(s.Conditions) == 0 {
		return
	}
	p.WriteString("Conditions:\n")
	rows := [][]string{{"  Type", "Status", "Reason", "Message"}}
	for _, c := range s.Conditions {
		status := "False"
		if c.True {
			status = "True"
		}
		rows = append(rows, []string{"  " + c.Type.String(), status, c.Reason, c.Message(t.Containers)})
	}
	p.table(rows, 2)
}
