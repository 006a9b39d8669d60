package observe

import (
	"context"
	"errors"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures/recorded"
)

// ErrNoPod says that there is no Pod to follow.
var ErrNoPod = errors.New("there is no such Pod")

// Followed is a Pod of somebody else's, and how to follow it.
type Followed struct {
	Namespace, Name string
	// Wait is how long to wait for a Pod that is not there yet. Default: not at all.
	Wait time.Duration
	// Tell is told of everything when it is heard, by one goroutine; nil is not told.
	Tell func(Moment)
}

// Until says what ended a recording of a followed Pod.
type Until uint8

// The ends.
const (
	// UntilRemoved: the Pod is gone.
	UntilRemoved Until = iota
	// UntilTerminal: its phase can never change again, and nothing more was heard for a while.
	UntilTerminal
	// UntilLongest: Options.Longest has passed, and the Pod goes on.
	UntilLongest
	// UntilStopped: the context has ended, and the Pod goes on.
	UntilStopped
)

// Following is what was heard of a followed Pod.
type Following struct {
	*recorded.Recording
	Until Until
}

// The Pod's end is followed by what the sources bring late: behind a terminal phase the end of the sandbox and the records of
// containers, behind the removal next to nothing.
const (
	behindTerminal = 15 * time.Second
	behindRemoved  = time.Second
)

// Follow watches one Pod from now on, or from its creation if it comes later, until its end, Options.Longest, or the end of the context;
// the latter is no error. It changes nothing of the Pod and makes nothing in the cluster, so that no sentinel proves what was heard. What
// happened before it began is a gap in the observation.
//
// The error is ErrNoPod if there is no Pod, that of the cluster, or that of a Pod that cannot be simulated.
func Follow(ctx context.Context, c Cluster, f Followed, o Options) (*Following, error) {
	r := newRecorder(c, o)
	r.space, r.only = f.Namespace, f.Name
	r.listening, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	out, err := r.follow(ctx, &f)
	return out, errors.Join(err, r.close(ctx))
}

func (r *Recorder) follow(ctx context.Context, f *Followed) (*Following, error) {
	there, err := r.findNodes(ctx, f)
	if err != nil {
		return nil, err
	}
	old := r.noteListed()
	if err := r.listenToNodes(); err != nil {
		return nil, err
	}
	r.watchers()
	for _, w := range []*watcher{r.events, r.pods} { // whatever is not in the list of Pods is heard from its creation on
		if err := w.start(r.listening); err != nil {
			return nil, err
		}
	}
	first, err := r.awaitPod(ctx, f, there)
	if err != nil {
		return nil, err
	}
	p, err := r.playOf(f, first, old(first.pod.UID))
	if err != nil {
		return nil, err
	}
	t := &teller{play: p, tell: f.Tell}
	until := p.watchTo(ctx, r.options.Longest, t.news)
	p.over = time.Now()
	r.complete(ctx)
	r.cancel() // the Pod may go on, and what it does now is of no recording
	<-r.pods.done
	<-r.events.done
	t.news()
	r.options.Kind = r.kindOf(p.node)
	return &Following{&recorded.Recording{Scenario: p.scenario, Observation: r.assemble(p, nil, nil).o}, until}, nil
}

// watchTo waits for the Pod's end. News is called whenever something was heard.
func (p *play) watchTo(ctx context.Context, longest time.Duration, news func()) Until {
	latest := time.NewTimer(longest)
	defer latest.Stop()
	var settled <-chan time.Time
	for gone := false; ; {
		next, ended := p.listen()
		news()
		if removed := p.removed(); ended && settled == nil || removed && !gone {
			gone = removed
			behind := behindTerminal
			if gone {
				behind = behindRemoved
			}
			settled = time.After(behind)
		}
		select {
		case <-ctx.Done():
			return UntilStopped
		case <-latest.C:
			return UntilLongest
		case <-settled:
			if gone {
				return UntilRemoved
			}
			return UntilTerminal
		case <-next:
		}
	}
}

func (p *play) removed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.versions) > 0 && p.versions[len(p.versions)-1].deleted
}
