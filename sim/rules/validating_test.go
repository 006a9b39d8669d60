package rules

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestPolicies holds a policy that looks at all containers against CMP008, and others that do not.
func TestPolicies(t *testing.T) {
	type pod struct {
		Spec struct{ InitContainers, Containers []map[string]any }
	}
	privileged := func(list []map[string]any) bool {
		for _, c := range list {
			if c["securityContext"].(map[string]any)["privileged"] == true {
				return true
			}
		}
		return false
	}
	probed := func(list []map[string]any) bool {
		for _, c := range list {
			if c["livenessProbe"] != nil {
				return true
			}
		}
		return false
	}
	for _, c := range []struct {
		name    string
		accepts func(*pod) bool
		want    Verdict
		says    string
	}{
		{"it looks at all", func(p *pod) bool { return !privileged(p.Spec.Containers) && !privileged(p.Spec.InitContainers) }, Pass, "12 of 12 containers are judged alike as mains and as sidecars"},
		{"it passes over sidecars", func(p *pod) bool { return !privileged(p.Spec.Containers) }, Fail, "privileged: a sidecar that is privileged is accepted, and refused among the mains"},
		{"it wants no probes on init containers", func(p *pod) bool { return !probed(p.Spec.InitContainers) }, Fail, "good: a sidecar that is in order is refused, and accepted among the mains"},
		{"it refuses everything", func(*pod) bool { return false }, Unknown, "the policy refuses every Pod, so there is no telling what it is about"},
	} {
		list := PolicyFixtures()
		for i := range list {
			for _, one := range []struct {
				text []byte
				to   *bool
			}{{list[i].Main, &list[i].MainAccepted}, {list[i].Sidecar, &list[i].SidecarAccepted}} {
				var p pod
				if err := json.Unmarshal(one.text, &p); err != nil {
					t.Fatal(err)
				}
				*one.to = c.accepts(&p)
			}
		}
		o := JudgePolicy(list)
		if o.Verdict != c.want || o.Reason != c.says {
			t.Errorf("%s: %s, %s", c.name, o.Verdict, o.Reason)
		}
		if o.Verdict == Fail && (len(o.Findings) == 0 || o.Severity() != Warning) {
			t.Errorf("%s: %d findings of severity %s", c.name, len(o.Findings), o.Severity())
		}
	}
	list := PolicyFixtures()
	list[0].MainAccepted, list[0].SidecarAccepted, list[3].Problem = true, true, "it exits 2"
	if o := JudgePolicy(list); o.Verdict != Unknown || !strings.Contains(o.Reason, "it exits 2") {
		t.Errorf("a policy without an answer: %s, %s", o.Verdict, o.Reason)
	}
}
