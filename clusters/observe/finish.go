package observe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures/recorded"
)

// Session is what a Recorder has gathered.
type Session struct {
	// Recordings are in the order in which the Pods were created. Their scenarios are what was played, as actor.Realise has it.
	Recordings []*recorded.Recording
	// Load is what the recorder cost, by node.
	Load []Load
	// Runs is how many runs of containers were heard, Lost how many more the journals know. Each of those is a gap as well.
	Runs, Lost int
	// Delays are those of the sentinels, in the order in which they were created.
	Delays []Delay
}

// Delay is how late a node was, as one sentinel measured it.
type Delay struct {
	Node string
	// At is when the sentinel was created.
	At time.Time
	By time.Duration
}

// Load is what the recorder cost on one node.
type Load struct {
	Node string
	// CPU is the time that its processes used there, Of the time for which they ran.
	CPU, Of time.Duration
	// Events is the number of events that it read.
	Events int
}

// Finish runs the last sentinels, puts the observations together, and takes away all that was made. It does so after the context has
// ended too; then there is no last sentinel, and every observation lacks it.
func (r *Recorder) Finish(ctx context.Context) (*Session, error) {
	r.stopPulse()
	r.pulse.Wait()
	var problems []error
	if err := r.sentinels(ctx, false); err != nil && ctx.Err() == nil {
		problems = append(problems, err)
	}
	r.complete(ctx)
	r.kubeletsEnd(ctx)
	s := &Session{}
	journals, unread := r.journals()
	r.mu.Lock()
	plays := slices.Clone(r.plays)
	r.mu.Unlock()
	worse := r.worse(plays)
	for _, p := range plays {
		if p.sentinel > 0 && p.uid != "" {
			s.Delays = append(s.Delays, Delay{p.node, p.zero, p.delay()})
		}
		if p.sentinel > 0 || p.uid == "" && p.refused == "" || worse[p] {
			continue
		}
		j := journals[p.pod]
		if j == nil {
			j = &journal{}
		}
		a := r.assemble(p, j.entries, append(slices.Clone(unread), j.problems...))
		a.o.Slack, a.o.Sentinels = r.slack(p), r.proof(p)
		for _, n := range a.began() {
			s.Runs += int(n)
		}
		s.Lost += a.lost
		s.Recordings = append(s.Recordings, &recorded.Recording{Scenario: p.scenario, Observation: a.o})
	}
	for _, stream := range r.streams {
		used, of, err := stream.busy()
		if err != nil {
			continue // the node is gone, which the gaps say
		}
		stream.mu.Lock()
		s.Load = append(s.Load, Load{stream.node, used, of, stream.lines})
		stream.mu.Unlock()
	}
	problems = append(problems, r.close(ctx))
	return s, errors.Join(problems...)
}

// worse are the plays that were played again, but for the one of each on the promptest node.
func (r *Recorder) worse(plays []*play) map[*play]bool {
	worse := map[*play]bool{}
	for _, first := range plays {
		for best, next := first, first.again; next != nil; next = next.again {
			if next.uid == "" && next.refused == "" || r.slack(next) > r.slack(best) {
				worse[next] = true
			} else {
				worse[best] = true
				best = next
			}
		}
	}
	return worse
}

// complete asks for the Pods as they are, and waits until the watch has brought each of these versions: it may lag.
func (r *Recorder) complete(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	asked := time.Now()
	list, err := r.listPods(ctx)
	if err != nil {
		r.pods.lose(asked, "the Pods could not be listed at the end: "+err.Error())
		return
	}
	for {
		missing := ""
		for i := range list.Items {
			r.mu.Lock()
			p := r.byUID[list.Items[i].UID]
			r.mu.Unlock()
			if p != nil && !p.has(list.Items[i].ResourceVersion) {
				missing = list.Items[i].Name
			}
		}
		if missing == "" {
			return
		}
		if sleep(ctx, 100*time.Millisecond) != nil {
			r.pods.lose(time.Time{}, fmt.Sprintf("the watch did not bring the last version of Pod %s", missing))
			return
		}
	}
}

func (p *play) has(resourceVersion string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.versions, func(v version) bool { return v.pod.ResourceVersion == resourceVersion })
}

// lose notes that the watch may have lost versions since a time.
func (w *watcher) lose(since time.Time, why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gaps = append(w.gaps, silence{from: since, why: why})
}

// journals reads the journals of all Pods, by the Pod's name. Unread says what kept some from being read.
func (r *Recorder) journals() (map[string]*journal, []string) {
	all := map[string]*journal{}
	of := func(pod string) *journal {
		if all[pod] == nil {
			all[pod] = &journal{}
		}
		return all[pod]
	}
	if r.logs != nil {
		for _, p := range r.plays {
			j := of(p.pod)
			j.entries, j.problems = r.logs.journal(p.uid)
		}
		return all, nil
	}
	var unread []string
	for _, s := range r.streams {
		err := r.journalsOn(s, func(pod, container string, in io.Reader) { of(pod).read(container, in) })
		if err != nil {
			unread = append(unread, err.Error())
		}
	}
	return all, unread
}
