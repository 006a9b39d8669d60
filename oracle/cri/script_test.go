package cri

import (
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
)

func TestAnswerIsTheLastWhoseTimeHasCome(t *testing.T) {
	list := []sim.Answer{
		{Result: sim.AnswerFailure}, {From: 3 * time.Second, Result: sim.AnswerSuccess}, {From: 9 * time.Second, Result: sim.AnswerError},
	}
	for _, test := range []struct {
		age  time.Duration
		want sim.AnswerResult
	}{
		{0, sim.AnswerFailure}, {2999 * time.Millisecond, sim.AnswerFailure}, {3 * time.Second, sim.AnswerSuccess}, {time.Hour, sim.AnswerError},
	} {
		if got := answer(list, test.age).Result; got != test.want {
			t.Errorf("at %v: %q, want %q", test.age, got, test.want)
		}
	}
	if got := answer(nil, 0).Result; got != sim.AnswerSuccess {
		t.Errorf("without a script: %q, want success", got)
	}
}

func TestLastEntryRepeats(t *testing.T) {
	list := []int{7, 8}
	for i, want := range []int{7, 8, 8, 8} {
		if got := entry(list, i); got != want {
			t.Errorf("entry %d is %d, want %d", i, got, want)
		}
	}
	if got := entry([]int(nil), 3); got != 0 {
		t.Errorf("entry of nothing is %d, want 0", got)
	}
}
