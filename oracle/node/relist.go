package node

import (
	"reflect"
	"runtime"
	"strings"
	"sync"
	"time"
	"unsafe"

	"k8s.io/utils/clock"
)

// RelistClock is the clock of the PLEG. It tells real (virtual) time, but lets the first relist, and every relist on
// demand, begin later, and keeps the instants of all of them.
//
// Both relists read the clock first of all. A relist on demand (1.36 and later) in the very instant of the sync that asked
// for it would count as older than the sync and be lost.
type RelistClock struct {
	clock.RealClock
	// First is the instant of the first relist.
	First time.Time
	// Delay is how long after the request a relist on demand begins.
	Delay time.Duration
	// Relists and OnDemand are told every relist, when it begins; may be nil.
	Relist, OnDemand func()

	mu      sync.Mutex
	seen    bool
	stopped bool
	never   chan struct{}
}

// stop has no relist begin any more.
func (c *RelistClock) stop() {
	c.mu.Lock()
	c.stopped = true
	c.mu.Unlock()
}

// waitIfStopped does not return once the relists are stopped.
func (c *RelistClock) waitIfStopped() {
	c.mu.Lock()
	stopped := c.stopped
	c.mu.Unlock()
	if stopped {
		<-c.never
	}
}

// Now tells the time, to a relist perhaps a little later.
func (c *RelistClock) Now() time.Time {
	var pcs [2]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		frame, more := frames.Next()
		switch {
		case strings.HasSuffix(frame.Function, "pleg.(*GenericPLEG).Relist"):
			c.mu.Lock()
			first := !c.seen
			c.seen = true
			c.mu.Unlock()
			if first {
				time.Sleep(time.Until(c.First))
			}
			c.waitIfStopped()
			if c.Relist != nil {
				c.Relist()
			}
			return time.Now()
		case strings.HasSuffix(frame.Function, "pleg.(*GenericPLEG).relistPod"):
			time.Sleep(c.Delay)
			c.waitIfStopped()
			if c.OnDemand != nil {
				c.OnDemand()
			}
			return time.Now()
		}
		if !more {
			return time.Now()
		}
	}
}

// install puts the clock into the PLEG.
func (c *RelistClock) install(pleg reflect.Value) {
	c.never = make(chan struct{})
	generic := pleg.Elem() // the interface's content
	v := generic.Elem().FieldByName("clock")
	reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem().Set(reflect.ValueOf(c))
}
