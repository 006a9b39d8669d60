package runner

import (
	"sync"
	"time"
)

// tracker counts what came to an end, by target, and tells it.
type tracker struct {
	mu      sync.Mutex
	tell    func(Progress)
	targets map[string]*phase
}

// phase is what is done of one target at a time: its cases are played, then judged.
type phase struct {
	began     time.Time
	done, all int
}

func newTracker(tell func(Progress)) *tracker {
	return &tracker{tell: tell, targets: map[string]*phase{}}
}

// begin starts a phase of a target.
func (t *tracker) begin(target string, all int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.targets[target] = &phase{time.Now(), 0, all}
}

// say fills in the numbers and tells. Ends says that a case came to its end.
func (t *tracker) say(p Progress, ends bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p.Left = -1
	if own := t.targets[p.Target]; own != nil {
		if ends {
			own.done++
			own.all = max(own.all, own.done)
		}
		p.Done, p.All = own.done, own.all
		p.Left = left(time.Since(own.began), own.done, own.all)
	}
	if t.tell != nil {
		t.tell(p)
	}
}

// left is how long the rest takes if it goes on as it went, negative as long as little is done.
func left(since time.Duration, done, all int) time.Duration {
	if done < 3 || done > all {
		return -1
	}
	return since / time.Duration(done) * time.Duration(all-done)
}
