package observe

import (
	"archive/tar"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor"
	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor/script"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// journal gathers what the actors of one Pod wrote.
type journal struct {
	entries  []actor.Entry
	problems []string
}

// read adds the journal of one container.
func (j *journal) read(container string, in io.Reader) {
	entries, err := actor.ParseJournal(in)
	if err != nil {
		j.problems = append(j.problems, fmt.Sprintf("the journal of %s: %v", container, err))
	}
	for _, e := range entries {
		if e.What == script.Problem {
			j.problems = append(j.problems, fmt.Sprintf("run %d of %s: %s", e.Run, e.Container, e.Note))
		}
	}
	j.entries = append(j.entries, entries...)
	slices.SortStableFunc(j.entries, func(a, b actor.Entry) int {
		return cmp.Or(cmp.Compare(a.Mono, b.Mono), cmp.Compare(a.Container, b.Container), cmp.Compare(a.What, b.What))
	})
	j.entries = slices.CompactFunc(j.entries, func(a, b actor.Entry) bool {
		return a.Mono == b.Mono && a.Container == b.Container && a.What == b.What && a.PID == b.PID
	})
}

// journalsOn reads the journals of all Pods from one node, by the Pod's name.
func (r *Recorder) journalsOn(s *stream, read func(pod, container string, in io.Reader)) error {
	root := journalRoot + "/" + r.namespace.Name
	var packed bytes.Buffer
	command := clusters.Command{Node: s.node, Args: []string{"tar", "-C", root, "-cf", "-", "."}, Stdout: &packed}
	if err := r.cluster.Nodes.Run(r.listening, command); err != nil {
		return fmt.Errorf("reading the journals: %w", err)
	}
	files := tar.NewReader(&packed)
	for {
		head, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the journals of node %s: %w", s.node, err)
		}
		// ./POD/CONTAINER/journal.jsonl
		if parts := strings.Split(path.Clean(head.Name), "/"); len(parts) == 3 && parts[2] == script.JournalFile {
			read(parts[0], parts[1], files)
		}
	}
}

// journalEvent is what an entry says in the words of a trace; ok is false for what no trace has.
func journalEvent(e *actor.Entry) (kind trace.Kind, ok bool) {
	failed := e.Result != "" && e.Result != script.Success
	switch e.What {
	case script.StopSignal:
		return trace.StopSignal, true
	case script.PostStartBegin:
		return trace.PostStartBegin, true
	case script.PreStopBegin:
		return trace.PreStopBegin, true
	case script.PostStartEnd:
		if failed {
			return trace.PostStartFailed, true
		}
		return trace.PostStartEnd, true
	case script.PreStopEnd:
		if failed {
			return trace.PreStopFailed, true
		}
		return trace.PreStopEnd, true
	}
	return trace.KindNone, false
}

// hears is how long after a signal from outside its process has written it down, on a busy node.
const hears = time.Second

// fromOutside reports whether an actor wrote down the signal of a step, which looks to it like any other. Each step is spent on one entry.
func (a *assembly) fromOutside(e *actor.Entry, seen *trace.Event, spent []bool) bool {
	for i := range a.p.steps {
		s := &a.p.steps[i]
		if s.event.Kind == trace.OutsideSignal && !spent[i] && s.event.Container == seen.Container && s.event.Run == seen.Run &&
			!e.At.Before(s.from.Add(-a.skew)) && !e.At.After(s.to.Add(a.skew+hears)) {
			spent[i] = true
			return true
		}
	}
	return false
}

// attempts are the numbers that the runtime gave to the runs of each container, in their order. An actor counts its processes; the kubelet
// counts from what records and status tell it, and begins anew where both are gone.
func (a *assembly) attempts() [][]int32 {
	list := make([][]int32, len(a.p.table.containers))
	for i := range a.o.Seen {
		if s := &a.o.Seen[i]; s.Source == judge.SourceRuntime && s.Event.Kind == trace.Running {
			list[s.Event.Container] = append(list[s.Event.Container], s.Event.Run)
		}
	}
	return list
}

// journal adds what the actors saw. Only the first stop signal of a run counts, and none that a step sent.
func (a *assembly) journal(entries []actor.Entry) {
	type run struct {
		container string
		number    int
	}
	stopped, spent := map[run]bool{}, make([]bool, len(a.p.steps))
	attempts := a.attempts()
	for i := range entries {
		e := &entries[i]
		kind, ok := journalEvent(e)
		position, known := a.p.table.index[e.Container]
		if !ok || !known {
			continue
		}
		event := trace.Event{Kind: kind, Container: int16(position), Run: int32(e.Run)}
		if own := attempts[position]; e.Run < len(own) {
			event.Run = own[e.Run]
		}
		if key := (run{e.Container, e.Run}); kind == trace.StopSignal {
			if stopped[key] || a.fromOutside(e, &event, spent) {
				continue
			}
			stopped[key] = true
		}
		a.see(event, judge.SourceJournal, e.At.Add(-a.skew), e.At.Add(a.skew))
	}
	a.everyRun(entries)
}

// everyRun holds the runs that the journals know against those that another source knows: a run that one of them lacks was not heard
// there. Of the last moments before the horizon a source may not have heard yet.
func (a *assembly) everyRun(entries []actor.Entry) {
	const margin = time.Second
	written, late := make([]int32, len(a.p.table.containers)), make([]int32, len(a.p.table.containers))
	for i := range entries {
		e := &entries[i]
		position, ok := a.p.table.index[e.Container]
		if !ok || e.What != script.Started {
			continue
		}
		written[position]++
		if e.At.After(a.p.over.Add(-margin)) {
			late[position]++
		}
	}
	for position, began := range a.began() {
		name := a.p.table.containers[position].Name
		if written[position] < began {
			a.gap(judge.SourceJournal, a.p.zero, a.p.over, fmt.Sprintf("%s ran %d times and its journal knows %d", name, began, written[position]))
		}
		if missing := written[position] - late[position] - began; missing > 0 {
			a.lost += int(missing)
			a.gap(a.o.Sources[0], a.p.zero, a.p.over, fmt.Sprintf("%s ran %d times by its journal, and %d were heard", name, written[position], began))
		}
	}
}
