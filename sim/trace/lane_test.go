package trace

import (
	"fmt"
	"strings"
	"testing"
)

// words writes a lane as "waiting 0s, up 1s, …".
func (l Lane) words() string {
	names := [...]string{"absent", "waiting", "up", "started", "ready", "stopping", "ended"}
	var parts []string
	for _, s := range l.Stretches {
		part := fmt.Sprintf("%s %v", names[s.Activity], s.From)
		if s.Activity == Ended {
			part += fmt.Sprintf(" code %d", s.ExitCode)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

func TestLanes(t *testing.T) {
	lanes := sample().Lanes()
	want := []string{
		"waiting 0s, up 0.33s, ready 2.3s, stopping 25.5s, ended 25.9s code 143",
		"waiting 0s, up 2.33s, ready 3.2s, stopping 20.01s, ended 25.5s code 143",
	}
	for i, lane := range lanes {
		if got := lane.words(); got != want[i] {
			t.Errorf("%s: got %s, want %s", sample().Containers[i].Name, got, want[i])
		}
	}
}

func TestLaneOfCrashLoop(t *testing.T) {
	s := &story{Trace{Containers: []Container{{"app", RoleMain}}}}
	s.at(0, PodCreated, "")
	s.at(1, Running, "app")
	s.at(2, Exited, "app").ExitCode = 1
	s.at(3, BackOff, "app").Reason = "CrashLoopBackOff"
	s.at(13, Created, "app")
	s.at(14, Running, "app").Run = 1
	s.at(15, NotReady, "app")
	s.at(16, Killing, "app")
	s.at(17, NotReady, "app")
	s.at(18, PodRemoved, "")
	s.EndedAt = 20e9
	want := "waiting 0s, up 1s, ended 2s code 1, waiting 3s, waiting 13s, up 14s, started 15s, stopping 16s, absent 18s"
	if got := s.Lanes()[0].words(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
