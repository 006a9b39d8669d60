package sim

import "github.com/sidecar-conformance/sidecar-conformance/sim/trace"

// The kubelet pulls no more than five images a second, and ten at once: one more is a failed pull, of which the runtime hears nothing.
// images/helpers.go: throttledImageService; apis/config/v1beta1/defaults.go: RegistryPullQPS, RegistryBurst.
const (
	pullsPerSecond = 5
	pullsAtOnce    = 10

	reasonPullQPS = "RegistryPullQPS"
)

// pullRate is the token bucket of a kubelet: client-go's flowcontrol.NewTokenBucketRateLimiter.
type pullRate struct {
	taken float64 // tokens that are out
	at    trace.Instant
}

// accept takes a token, if there is one.
func (p *pullRate) accept(now trace.Instant) bool {
	taken := max(0, p.taken-now.Sub(p.at).Seconds()*pullsPerSecond)
	if taken+1 > pullsAtOnce {
		return false
	}
	p.taken, p.at = taken+1, now
	return true
}

// mayPull reports whether the node pulls an image now; if not, the start of the container has failed.
func (m *machine) mayPull(c *container) bool {
	rate := &m.pullRate
	if m.owner != nil {
		rate = &m.owner.run.pullRate
	}
	if rate.accept(m.now) {
		return true
	}
	m.startEvent(trace.PullFailed, reasonPullQPS, "the node pulls no more images for the moment")
	m.pullFailed(c, m.worker.sync.starts.last)
	m.startFailed(c, startReason{reason: reasonImagePull})
	return false
}
