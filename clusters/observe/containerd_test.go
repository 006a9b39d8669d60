package observe

import (
	"bytes"
	"os"
	"testing"
	"time"
)

// TestEvents reads a part of a real stream: images and namespaces of others, a run, and a process that exec started in it.
func TestEvents(t *testing.T) {
	text, err := os.ReadFile("testdata/events.txt")
	if err != nil {
		t.Fatal(err)
	}
	count := map[runtimeWhat]int{}
	for line := range bytes.Lines(text) {
		e, err := parseRuntimeEvent(bytes.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		count[e.what]++
		if e.at.IsZero() {
			t.Errorf("no time: %s", line)
		}
		if e.what == runtimeExited && (e.exitCode != 137 || !e.at.Equal(time.Date(2026, 11, 26, 0, 17, 19, 876519299, time.UTC))) {
			t.Errorf("the end is read as %d at %v", e.exitCode, e.at)
		}
	}
	want := map[runtimeWhat]int{runtimeOther: 6, runtimeCreated: 1, runtimeStarted: 1, runtimeExited: 1, runtimeNamespace: 1}
	for what, n := range want {
		if count[what] != n {
			t.Errorf("%d events of kind %d, want %d", count[what], what, n)
		}
	}
}

// TestBadEvents wants each line that cannot be read to be an error: it may have been a container's end.
func TestBadEvents(t *testing.T) {
	for _, line := range []string{
		"", "ctr: context canceled", "2026-11-26 00:17:19 +0000 UTC k8s.io /tasks/exit",
		"yesterday 00:17:19.1 +0000 UTC k8s.io /tasks/exit {}",
		`2026-11-26 00:17:19.876540241 +0000 UTC k8s.io /tasks/exit {"container_id":"83","id":"83","pid":5375`,
		`2026-11-26 00:17:19.876540241 +0000 UTC k8s.io /tasks/exit {"container_id":"83","id":"83","pid":5375}`,
		`2026-11-26 00:17:19.876540241 +0000 UTC k8s.io /tasks/start {"pid":5375}`,
	} {
		if e, err := parseRuntimeEvent([]byte(line)); err == nil {
			t.Errorf("%q is read as %+v", line, e)
		}
	}
	other := []byte(`2026-11-26 00:17:19.8 +0000 UTC moby /tasks/start {"container_id":"83","pid":5375}`)
	if e, err := parseRuntimeEvent(other); err != nil || e.what != runtimeOther {
		t.Errorf("a container of another namespace is read as %+v, %v", e, err)
	}
}

func TestIdentities(t *testing.T) {
	for _, c := range []struct{ file, container string }{{"container.json", "istio-proxy"}, {"sandbox.json", ""}} {
		text, err := os.ReadFile("testdata/" + c.file)
		if err != nil {
			t.Fatal(err)
		}
		who, err := parseIdentity(text)
		if err != nil {
			t.Fatal(err)
		}
		if who.attempt != 0 || who.uid == "" || who.pod == "" || who.namespace == "" || c.container == "" && who.container != "" || c.container != "" && who.container == "" {
			t.Errorf("%s: %+v", c.file, who)
		}
	}
	if who, err := parseIdentity([]byte(`{"ID":"1","Labels":{}}`)); err == nil {
		t.Errorf("a container without a Pod is %+v", who)
	}
}

func TestCPUTime(t *testing.T) {
	const stat = "5203 (ctr (x) y) S 1 5203 5203 0 -1 4194304 1 2 3 4 120 30 5 5 20 0 9 0 100 1 2"
	if got := cpuTime(stat); got != 1600*time.Millisecond {
		t.Errorf("%v", got)
	}
}
