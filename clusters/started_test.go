package clusters

import (
	"strings"
	"testing"
	"time"
)

func TestKubeletStarted(t *testing.T) {
	const forbidden, empty = "/api/v1/nodes/b/proxy/metrics", "/api/v1/nodes/c/proxy/metrics"
	client := play{api: "1.29", nodes: []playNode{{name: "a", kubelet: "1.29"}, {name: "b", kubelet: "1.29"}, {name: "c", kubelet: "1.29"}},
		forbid: []string{forbidden}, empty: []string{empty}}.client(t)
	at, err := KubeletStarted(t.Context(), client, "a")
	if want := time.Unix(1_795_740_000, 0); err != nil || !at.Equal(want) {
		t.Errorf("%v, %v, want %v", at, err, want)
	}
	for node, want := range map[string]string{"b": "asking the kubelet of b for its start", "c": "have no series process_start_time_seconds"} {
		if _, err := KubeletStarted(t.Context(), client, node); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", node, err, want)
		}
	}
}
