package show

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Group is a set of runs that show the same order and the same outcome. Their times may differ.
type Group struct {
	// Letter names the group: A, B, … Z, AA.
	Letter string
	// Runs are in the order in which they were given; the first one stands for the group.
	Runs []Run
	// keys name the visible events of the first run in their order, at holds their instants.
	keys []string
	at   map[string]trace.Instant
	code string
}

// GroupRuns puts runs with the same order of events and the same outcome together, in the order of their first run.
func GroupRuns(runs []Run) []Group {
	var groups []Group
	for _, run := range runs {
		keys := orderKeys(run.Trace)
		code := strings.Join(sortTies(run.Trace, keys), "\n") + "\n\n" + outcomeKey(run)
		i := slices.IndexFunc(groups, func(g Group) bool { return g.code == code })
		if i < 0 {
			groups = append(groups, Group{Letter: letters(len(groups)), keys: keys, at: instants(run.Trace, keys), code: code})
			i = len(groups) - 1
		}
		groups[i].Runs = append(groups[i].Runs, run)
	}
	return groups
}

func letters(n int) string {
	letter := string(rune('A' + n%26))
	if n < 26 {
		return letter
	}
	return letters(n/26-1) + letter
}

// visibleEvents returns the positions of what a reader sees.
func visibleEvents(t *trace.Trace) []int32 {
	positions := make([]int32, 0, len(t.Events))
	for i := range t.Events {
		if trace.Visible(&t.Events[i]) {
			positions = append(positions, int32(i))
		}
	}
	return positions
}

// orderKeys names the visible events in their order: subject, words, and the how-manieth of its sort.
func orderKeys(t *trace.Trace) []string {
	positions := visibleEvents(t)
	keys := make([]string, len(positions))
	seen := map[string]int{}
	for n, i := range positions {
		name := eventName(t, i)
		seen[name]++
		if seen[name] > 1 {
			name += " #" + strconv.Itoa(seen[name])
		}
		keys[n] = name
	}
	return keys
}

// eventName is the subject and what happened, without lengths of time: those may differ within one order.
func eventName(t *trace.Trace, i int32) string {
	e := &t.Events[i]
	name := "pod"
	if e.Kind.OfJob() {
		name = "job"
	}
	if e.Container != trace.NoContainer {
		name = t.Containers[e.Container].Name
	}
	if e.Pod != (trace.PodRef{}) {
		name = e.Pod.String() + "/" + name
	}
	switch e.Kind {
	case trace.DeleteRequested, trace.StopSignal, trace.Killing:
		return name + " " + e.Brief()
	}
	return name + " " + e.Words()
}

// outcomeKey is what must be equal at the end, besides the order.
func outcomeKey(run Run) string {
	t := run.Trace
	var b strings.Builder
	for _, c := range t.Containers {
		b.WriteString(c.Name + " " + c.Role.String() + "\n")
	}
	b.WriteString(end(run))
	for _, u := range t.Unknown {
		b.WriteString("\n" + u.Field)
	}
	return b.String()
}

// end says how the run ended, without times.
func end(run Run) string {
	return run.Trace.Ending.String() + "\n" + neverRan(run.Trace) + "\n" + finalState(run) + "\n"
}

// finalState is the last status as kubectl prints it, without ages. What the last moments of a removed Pod looked like
// does not count.
func finalState(run Run) string {
	t := run.Trace
	if t.HasJob() {
		return finalJobWords(t)
	}
	if len(t.Statuses) == 0 {
		return ""
	}
	s := &t.Statuses[len(t.Statuses)-1]
	columns, _ := t.ColumnsAt(s.Pod, s.At, run.Rules)
	restarts, _, _ := strings.Cut(columns.Restarts, " ")
	if t.Ending == trace.EndingRemoved {
		return s.Phase.String() + " " + restarts
	}
	return s.Phase.String() + " " + columns.Status + " " + columns.Ready + " " + restarts
}

// instants returns when each of the visible events happens.
func instants(t *trace.Trace, keys []string) map[string]trace.Instant {
	at := make(map[string]trace.Instant, len(keys))
	for n, i := range visibleEvents(t) {
		at[keys[n]] = t.Events[i].At
	}
	return at
}

// sortTies returns the keys with those of one instant in the order of their names: who comes first within an instant
// is no difference to speak of.
func sortTies(t *trace.Trace, keys []string) []string {
	at := instants(t, keys)
	sorted := slices.Clone(keys)
	slices.SortStableFunc(sorted, func(a, b string) int { return cmp.Or(cmp.Compare(at[a], at[b]), cmp.Compare(a, b)) })
	return sorted
}

// mergeKeys returns the keys of all groups, each once, so that each group's own order is kept as far as possible.
func mergeKeys(groups []Group) []string {
	merged := slices.Clone(groups[0].keys)
	for _, g := range groups[1:] {
		have := positions(merged)
		behind := -1 // insert what is new behind the last key that was already there
		for _, key := range g.keys {
			if at, found := have[key]; found {
				behind = max(behind, at)
				continue
			}
			merged = slices.Insert(merged, behind+1, key)
			have = positions(merged)
			behind++
		}
	}
	return merged
}

func positions(keys []string) map[string]int {
	at := make(map[string]int, len(keys))
	for i, key := range keys {
		at[key] = i
	}
	return at
}
