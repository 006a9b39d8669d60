package observe

import (
	"context"
	"errors"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
)

// State is how far a scenario is.
type State uint8

// The states of a scenario in a Suite.
const (
	// Playing: its Pod was created, or is about to be.
	Playing State = iota
	// Played: it came to its horizon.
	Played
	// Failed: the cluster did not let it play; the error says why.
	Failed
	// LeftOut: it cannot be played here; the reasons say why.
	LeftOut
)

// String returns the word for people.
func (s State) String() string { return [...]string{"playing", "played", "failed", "left out"}[s] }

// Progress is something that happened in a Suite. Functions that are given it are called by one goroutine at a time.
type Progress struct {
	// Scenario is the name, with the family in front.
	Scenario string
	State    State
	// Reasons go with Failed and LeftOut.
	Reasons []string
	// Done of All have come to an end, those that were left out among them.
	Done, All int
}

// Suite records the items on a cluster, many at once, disruptive ones one by one behind the others, and returns the recordings. An item
// that cannot be played is left out with its reasons. One that fails has an observation with gaps, or none; the others go on. When the
// context ends, what was recorded until then is returned with its error, incomplete.
func Suite(ctx context.Context, c Cluster, items []fixtures.Item, o Options, progress func(Progress)) (*Session, error) {
	o.defaults()
	s := &suite{all: len(items), progress: progress, earlier: map[*corev1.Pod]*play{}}
	var shared, serial []actor.Realisation
	for i := range items {
		real, why := realise(&items[i], o.Actor)
		switch {
		case len(why) > 0:
			s.tell(items[i].FullName(), LeftOut, why)
		case items[i].Live == fixtures.LiveDisruptive:
			serial = append(serial, real)
		default:
			shared = append(shared, real)
		}
	}
	if len(shared)+len(serial) == 0 {
		return &Session{}, ctx.Err()
	}
	r, err := Start(ctx, c, o)
	if err != nil {
		return nil, err
	}
	s.recorder = r
	for round, parallel := 0, o.Parallel; round == 0 || round <= o.Again && len(shared)+len(serial) > 0; round++ {
		played := append(s.play(ctx, shared, parallel), s.play(ctx, serial, 1)...)
		shared, serial = s.slow(ctx, played)
		parallel = max(parallel/2, 1)
	}
	session, err := r.Finish(ctx)
	return session, errors.Join(ctx.Err(), err)
}

// realise returns what a cluster can play of an item, or why it cannot.
func realise(item *fixtures.Item, o actor.Options) (actor.Realisation, []string) {
	if why := Unplayable(item); why != "" {
		return actor.Realisation{}, []string{why}
	}
	real := actor.Realise(item, o)
	return real, real.Reasons
}

type suite struct {
	recorder *Recorder
	mu       sync.Mutex
	done     int
	all      int
	progress func(Progress)
	// earlier are the plays that are repeated, by what they play.
	earlier map[*corev1.Pod]*play
}

func (s *suite) tell(name string, state State, reasons []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state != Playing {
		s.done++
	}
	if s.progress != nil {
		s.progress(Progress{name, state, reasons, s.done, s.all})
	}
}

// attempt is one play of a realisation.
type attempt struct {
	real actor.Realisation
	play *play
}

// slow are those of the attempts for which the node was too slow, to be played again.
func (s *suite) slow(ctx context.Context, attempts []attempt) (shared, serial []actor.Realisation) {
	if ctx.Err() != nil || s.recorder.sentinels(ctx, false) != nil {
		return nil, nil
	}
	for _, a := range attempts {
		if a.play == nil || a.play.uid == "" || s.recorder.slack(a.play) <= s.recorder.options.Prompt {
			continue
		}
		s.mu.Lock()
		s.earlier[a.real.Pod] = a.play
		s.all++
		s.mu.Unlock()
		if a.real.Item.Live == fixtures.LiveDisruptive {
			serial = append(serial, a.real)
		} else {
			shared = append(shared, a.real)
		}
	}
	return shared, serial
}

// play plays some items, at most so many at once.
func (s *suite) play(ctx context.Context, list []actor.Realisation, parallel int) []attempt {
	places := make(chan struct{}, parallel)
	attempts := make([]attempt, len(list))
	var all sync.WaitGroup
	for i, real := range list {
		places <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			defer func() { <-places }()
			name := real.Item.FullName()
			s.tell(name, Playing, nil)
			p, err := s.recorder.play(ctx, real)
			attempts[i] = attempt{real, p}
			s.mu.Lock()
			if earlier := s.earlier[real.Pod]; earlier != nil {
				earlier.again = p
			}
			s.mu.Unlock()
			if err != nil {
				s.tell(name, Failed, []string{err.Error()})
				return
			}
			s.tell(name, Played, nil)
		})
	}
	all.Wait()
	return attempts
}
