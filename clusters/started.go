package clusters

import (
	"bufio"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"
)

// startSeries is the series of a process that says when it started, in seconds since the epoch.
const startSeries = "process_start_time_seconds "

// KubeletStarted asks the kubelet of a node when its process started, exact to some hundredths of a second. It needs the permission to get
// nodes/proxy.
func KubeletStarted(ctx context.Context, client kubernetes.Interface, node string) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, kubeletPatience)
	defer cancel()
	body, err := client.Discovery().RESTClient().Get().AbsPath("/api/v1/nodes/" + node + "/proxy/metrics").Stream(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("asking the kubelet of %s for its start: %w", node, err)
	}
	defer body.Close()
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 64<<10), 4<<20)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), startSeries); ok {
			seconds, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return time.Time{}, fmt.Errorf("reading %q of the kubelet of %s: %w", lines.Text(), node, err)
			}
			return time.UnixMilli(int64(seconds * 1000)), nil
		}
	}
	if err := lines.Err(); err != nil {
		return time.Time{}, fmt.Errorf("asking the kubelet of %s for its start: %w", node, err)
	}
	return time.Time{}, fmt.Errorf("the metrics of the kubelet of %s have no series %s", node, strings.TrimSpace(startSeries))
}
