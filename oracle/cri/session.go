package cri

import (
	"context"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Session is the runtime as one kubelet sees it. Once the session is over its calls return no more, for some loops of a kubelet cannot be
// stopped, and would remove what is not theirs any more, logs too. Those that were under way do nothing more: without its caller the runtime
// neither goes on with a start nor sends a SIGKILL.
type Session struct {
	*Service
	from  time.Time
	over  chan struct{}
	never chan struct{}
}

// Session begins a session in which the runtime reports ready from the given instant on.
func (s *Service) Session(ready time.Time) *Session {
	return &Session{Service: s, from: ready, over: make(chan struct{}), never: make(chan struct{})}
}

// End ends the session.
func (s *Session) End() { close(s.over) }

// alive does not return in a session that is over. The lock is not held.
func (s *Session) alive() {
	select {
	case <-s.over:
		<-s.never
	default:
	}
}

// work lets a call take its time. The lock is not held.
func (s *Session) work(d time.Duration) {
	s.alive()
	s.calls.Add(1)
	time.Sleep(d)
	s.calls.Add(-1)
	s.alive()
}

// Status reports ready once the time has come.
func (s *Session) Status(context.Context, bool) (*runtimeapi.StatusResponse, error) {
	ready := !time.Now().Before(s.from)
	return &runtimeapi.StatusResponse{Status: &runtimeapi.RuntimeStatus{Conditions: []*runtimeapi.RuntimeCondition{
		{Type: runtimeapi.RuntimeReady, Status: ready},
		{Type: runtimeapi.NetworkReady, Status: ready},
	}}}, nil
}
