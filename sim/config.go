package sim

import (
	"errors"
	"fmt"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/internal/random"
)

// DefaultHorizon is how long a run lasts after its last timed step if the scenario does not say.
const DefaultHorizon = 10 * time.Minute

// Config holds what a real node leaves open: the phases of its tickers relative to the Pod's creation, its jitter and
// its latencies. The zero Config is not useful; start from DefaultConfig, the nominal run.
type Config struct {
	// Seed chooses everything that is open at random, but reproducibly. 0 is the nominal run: the fields below hold as
	// they are and every free choice takes its first way.
	Seed uint64
	// Jitter is where in its range each random wait of the kubelet's work queue lies, in [0, 1): 0 is the earliest. The
	// ranges are wait.Jitter's: a base and up to half of it more.
	Jitter float64
	// RelistPhase is the instant of the first PLEG relist after the Pod's creation, RelistPeriod the time between two.
	// kubelet.go: genericPlegRelistPeriod, 1 s in all releases.
	RelistPhase, RelistPeriod time.Duration
	// RelistDelay is how long an on-demand relist takes from its request (1.36 and later); a periodic relist that falls due
	// meanwhile comes behind it. It must be above zero: the kubelet takes a relist of the same instant for an older one.
	RelistDelay time.Duration
	// SyncTickPhase is the first tick of the sync loop's 1 s ticker, which looks at the work queue and at deadlines.
	SyncTickPhase time.Duration
	// HousekeepingPhase is the first tick of the 2 s housekeeping ticker, which forgets old back-off entries.
	HousekeepingPhase time.Duration
	// StatusPhase is the first tick of the status manager's 10 s ticker, which sends what was held back.
	StatusPhase time.Duration
	// GarbagePhase is the first of the garbage collections that run once a minute. One that falls between the creation and
	// the start of a container takes it for dead, and removes the record before it.
	GarbagePhase time.Duration
	// KubeletRelist and KubeletStartup are how long after its start a kubelet that is started again has its first relist, and takes up
	// the Pods of the API server. The second must not be shorter. config/apiserver.go: WaitForAPIServerSyncPeriod, 1 s in all releases:
	// it looks for its node first.
	KubeletRelist, KubeletStartup time.Duration `json:",omitempty"`
	// NodeHalt is how long after the kubelet let its node shut down the kubelet is stopped, and all that runs with it.
	NodeHalt time.Duration `json:",omitempty"`
	// ClockPhase is the fraction of a wall-clock second that had passed when the Pod was created, below 1 s. Times in the
	// API are whole seconds, so it decides how early deadlines and initial delays come.
	ClockPhase time.Duration
	// WatchDelay is how long word of a change takes from the API server to the Job controller. It has to do with Jobs only.
	WatchDelay time.Duration `json:",omitempty"`
	// Latency is what the container runtime takes.
	Latency Latency
	// Choices forces the first choices of the run (trace.Choice.Taken, in their order), to replay or to vary a run; what
	// follows is chosen as Seed says. A number beyond a choice's options counts as its last one. The trace lists the
	// choices of a run with a Seed or with Choices, even if they are empty but not nil.
	Choices []int32
	// KeepIdle keeps the syncs that changed nothing in the trace. Without it they are forgotten, so that a back-off of
	// minutes does not fill pages.
	KeepIdle bool
	// Guide, where set, feeds an observation into the run.
	Guide *Guide `json:",omitempty"`
	// MaxEvents bounds the trace; a run that would exceed it ends early and says so.
	MaxEvents int
}

// DefaultLatency is the nominal latency of a container runtime whose images are on the node.
func DefaultLatency() Latency {
	return Latency{
		Sandbox: 200 * time.Millisecond,
		Pull:    500 * time.Millisecond,
		Create:  20 * time.Millisecond,
		Start:   30 * time.Millisecond,
		Stop:    10 * time.Millisecond,
		Exec:    20 * time.Millisecond,
	}
}

// DefaultConfig is the nominal run: every wait in the middle of its range.
func DefaultConfig() Config {
	return Config{
		Jitter:            0.5,
		RelistPhase:       500 * time.Millisecond,
		RelistPeriod:      time.Second,
		RelistDelay:       time.Millisecond,
		SyncTickPhase:     750 * time.Millisecond,
		HousekeepingPhase: 1250 * time.Millisecond,
		StatusPhase:       5 * time.Second,
		GarbagePhase:      35 * time.Second,
		WatchDelay:        10 * time.Millisecond,
		KubeletRelist:     50 * time.Millisecond,
		KubeletStartup:    time.Second,
		NodeHalt:          100 * time.Millisecond,
		Latency:           DefaultLatency(),
		MaxEvents:         200_000,
	}
}

// Validate reports every field that is out of its range.
func (c *Config) Validate() error {
	var problems []error
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if !(c.Jitter >= 0 && c.Jitter < 1) {
		add("Jitter is %v, want a fraction in [0, 1)", c.Jitter)
	}
	if c.RelistPeriod <= 0 || c.RelistDelay <= 0 {
		add("RelistPeriod is %v and RelistDelay %v, want both above 0", c.RelistPeriod, c.RelistDelay)
	}
	if min(c.RelistPhase, c.SyncTickPhase, c.HousekeepingPhase, c.StatusPhase, c.GarbagePhase) < 0 {
		add("a phase is negative: RelistPhase %v, SyncTickPhase %v, HousekeepingPhase %v, StatusPhase %v, GarbagePhase %v",
			c.RelistPhase, c.SyncTickPhase, c.HousekeepingPhase, c.StatusPhase, c.GarbagePhase)
	}
	if c.KubeletRelist < 0 || c.KubeletStartup < c.KubeletRelist {
		add("KubeletRelist is %v and KubeletStartup %v, want 0 or more, and the second not below the first", c.KubeletRelist, c.KubeletStartup)
	}
	if c.NodeHalt < 0 {
		add("NodeHalt is %v, want 0 or more", c.NodeHalt)
	}
	if c.ClockPhase < 0 || c.ClockPhase >= time.Second {
		add("ClockPhase is %v, want a fraction of a second", c.ClockPhase)
	}
	if c.WatchDelay < 0 {
		add("WatchDelay is %v, want 0 or more", c.WatchDelay)
	}
	if c.MaxEvents <= 0 {
		add("MaxEvents is %d, want more than 0", c.MaxEvents)
	}
	problems = append(problems, c.Latency.check("Latency")...)
	if len(problems) == 0 {
		return nil
	}
	return errors.Join(problems...)
}

func (l *Latency) check(path string) []error {
	if min(l.Sandbox, l.Pull, l.Create, l.Start, l.Stop, l.Exec) >= 0 {
		return nil
	}
	return []error{fmt.Errorf("%s has a negative field: sandbox %v, pull %v, create %v, start %v, stop %v, exec %v",
		path, l.Sandbox, l.Pull, l.Create, l.Start, l.Stop, l.Exec)}
}

// resolve returns the Config of this run: the nominal one as it is, a seeded one with its open fields drawn.
func (c Config) resolve(r *random.Source) Config {
	if c.Seed == 0 {
		return c
	}
	c.RelistPhase = r.Duration(c.RelistPeriod)
	c.SyncTickPhase = r.Duration(syncTickPeriod)
	c.HousekeepingPhase = r.Duration(housekeepingPeriod)
	c.StatusPhase = r.Duration(statusPeriod)
	c.GarbagePhase = r.Duration(garbagePeriod)
	c.ClockPhase = r.Duration(time.Second)
	c.RelistDelay += r.Duration(20 * time.Millisecond)
	return c
}
