package bubble

import (
	"fmt"
	"math/rand"
	"strings"
	"sync/atomic"
	"time"
	_ "unsafe" // for go:linkname

	"k8s.io/apimachinery/pkg/util/wait"
)

//go:linkname synctestRun internal/synctest.Run
func synctestRun(f func())

// Settle waits until every other goroutine of the bubble is durably blocked.
//
//go:linkname Settle internal/synctest.Wait
func Settle()

// The variables of the runtime exist only in a build with the overlay (see package
// overlay); without it these are variables of this package that nobody reads.
var (
	//go:linkname oracleSeed runtime.oracleSeed
	oracleSeed uint64
	//go:linkname oracleArmed runtime.oracleArmed
	oracleArmed uint32
	//go:linkname oracleStrict runtime.oracleStrict
	oracleStrict bool

	//go:linkname globalRand math/rand.globalRandGenerator
	globalRand atomic.Pointer[rand.Rand]

	// Gone in client-go 0.35; then this is a variable that nobody reads.
	//go:linkname neverExitWatch k8s.io/client-go/tools/cache.neverExitWatch
	neverExitWatch <-chan time.Time
)

// Strict switches preemption off for this process: real time cannot reorder
// goroutines any more. A goroutine that computes for ever then blocks the process
// for ever, so somebody outside must watch it.
func Strict() { oracleStrict = true }

// Options of one run.
type Options struct {
	// Seed decides what Go leaves free: ready cases of a select, timers of one
	// instant, map order. With 0, timers of one instant fire in the order of arming.
	Seed uint64
	// Jitter in [0,1) is what every draw of math/rand gives, as a fraction.
	Jitter float64
	// NotBefore is the earliest instant at which f may begin.
	NotBefore time.Time
}

// Run runs f in a bubble of its own. Goroutines that f leaves behind stay blocked
// for ever; they cost memory only.
func Run(o Options, f func()) (err error) {
	defer func() {
		if r := recover(); r != nil && !strings.Contains(fmt.Sprint(r), "main bubble goroutine has exited") {
			err = fmt.Errorf("bubble: %v", r)
		}
	}()
	synctestRun(func() {
		oracleSeed, oracleArmed = o.Seed, 0
		globalRand.Store(rand.New(constant(o.Jitter)))
		// A select on a channel from outside the bubble does not count as blocked.
		wait.NeverStop = make(chan struct{})
		neverExitWatch = make(chan time.Time)
		time.Sleep(time.Until(o.NotBefore))
		f()
	})
	return nil
}

// constant is a random source that always gives the same fraction.
type constant float64

// Int63 gives the fraction of the whole range, which is what Float64 divides by it.
func (c constant) Int63() int64 { return int64(float64(c) * (1 << 63)) }

// Uint64 gives the fraction of the whole range.
func (c constant) Uint64() uint64 { return uint64(c.Int63()) << 1 }

// Seed does nothing.
func (constant) Seed(int64) {}
