package oracle

import (
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/sidecar-conformance/sidecar-conformance/oracle/apiserver"
	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// shutdown shuts the node down: the kubelet hears of it first, and when it lets go, all that runs ends. Then the step is over, or, if the
// node comes back, when its kubelet has started.
func (l *life) shutdown(back bool, down time.Duration) {
	if l.down || l.leaving {
		l.taken()
		return
	}
	l.leaving = true
	l.record.tell(trace.NodeShutdown)
	l.kubelet.Shutdown(func() {
		l.record.tell(trace.NodeReleased)
		time.AfterFunc(l.config.NodeHalt, func() { l.halt(back, down) })
	})
}

func (l *life) halt(back bool, down time.Duration) {
	if back {
		l.restart(down, func() { l.runtime.Crash(down) }, nil)
		return
	}
	l.stop()
	l.runtime.Crash(0)
	l.taken()
}

// stop ends the kubelet.
func (l *life) stop() {
	l.down = true
	l.stopKubelet()
	l.record.tell(trace.KubeletStopped)
}

// taken counts a step that is over.
func (l *life) taken() {
	l.record.mu.Lock()
	l.steps--
	l.record.mu.Unlock()
}

// resize gives containers other resources, as the subresource does where there is one.
func (l *life) resize(key string, list []sim.Resize) {
	if !l.can.resize {
		return
	}
	var all []apiserver.More
	for _, r := range list {
		more := apiserver.More{Container: r.Container, Resource: v1.ResourceCPU, Quantity: resource.MustParse("1m")}
		if r.Restart {
			more.Resource, more.Quantity = v1.ResourceMemory, resource.MustParse("1Mi")
		}
		all = append(all, more)
	}
	l.server.Resize(key, all)
}
