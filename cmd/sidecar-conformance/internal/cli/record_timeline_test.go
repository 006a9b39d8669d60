package cli

import (
	"bufio"
	"strings"
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/observe"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// TestTimeline wants each moment to be printed when it is told, although the output has a buffer.
func TestTimeline(t *testing.T) {
	var b strings.Builder
	line := &timeline{s: Streams{Out: bufio.NewWriter(&b)}}
	at := func(d time.Duration) trace.Instant { return trace.Instant(d) }
	proxy, app := trace.Container{Name: "mesh-proxy", Role: trace.RoleSidecar}, trace.Container{Name: "app", Role: trace.RoleMain}
	for _, m := range []observe.Moment{
		{At: at(2 * time.Second), Container: app, Words: "running", Source: judge.SourceWatch, Earlier: true},
		{At: at(35400 * time.Millisecond), Container: trace.Container{Role: trace.RolePod}, Words: "the recording begins, phase Running", Source: judge.SourceWatch},
		{At: at(40123456789), Container: proxy, Words: "exited 137 (OOMKilled)", Source: judge.SourceRuntime},
		{At: at(41 * time.Second), Container: app, Words: "BackOff: no", Source: judge.SourceKubeEvent},
	} {
		line.tell(m)
	}
	const want = `         at  role     container  event                  source
     2.000s  main     app        running                status, before the recording
    35.400s  pod      -          the recording begins, phase Running  status
    40.123s  sidecar  mesh-proxy  exited 137 (OOMKilled)  runtime
    41.000s  main     app         BackOff: no            event
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", &b, want)
	}
}
