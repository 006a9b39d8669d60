package cri

import (
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
)

// script is the behavior of one container of the Pod and how far it was played.
type script struct {
	container sim.Container
	latency   sim.Latency
	image     string
	present   bool // the image is on the node
	pulls     int
	starts    int
	last      *container // the record that was made last
}

// entry returns the i-th entry of a list in which the last one repeats, and the zero
// entry for an empty list.
func entry[T any](list []T, i int) T {
	var zero T
	if len(list) == 0 {
		return zero
	}
	return list[min(i, len(list)-1)]
}

func (s *script) nextPull() sim.Pull {
	pull := entry(s.container.Behavior.Pulls, s.pulls)
	s.pulls++
	return pull
}

// number tells a new record which process of the script it holds: that of the attempt. Where the attempts begin anew in
// the same sandbox, the script goes on: what the process keeps in the Pod's volumes tells it how often it was started.
func (s *script) number(c *container) {
	c.number = int(c.attempt)
	if last := s.last; last != nil && (last.sandbox == c.sandbox || last.attempt+1 == c.attempt) {
		c.number = last.number + 1
	}
	s.last = c
}

// life is what the process in a record does. Without a script it runs for ever and exits 143 on the stop signal.
func (s *script) life(c *container) sim.Process {
	if len(s.container.Behavior.Runs) == 0 {
		return sim.Process{For: sim.Forever, OnStop: sim.StopReaction{ExitCode: 143}}
	}
	return entry(s.container.Behavior.Runs, c.number)
}

// answer is what a probe finds at the given age of the process.
func answer(list []sim.Answer, age time.Duration) sim.Answer {
	found := sim.Answer{Result: sim.AnswerSuccess}
	for _, a := range list {
		if a.From <= age {
			found = a
		}
	}
	if found.Result == "" {
		found.Result = sim.AnswerSuccess
	}
	return found
}
