package rules

import (
	"encoding/json"
	"fmt"
)

// PolicyFixture is a container in two Pods: among the mains, and as a sidecar. What a validating policy says of the first is what it means
// by its rule; of the second it should say the same.
type PolicyFixture struct {
	// Key is a word for the container, What says what is the matter with it, empty for the one with which nothing is.
	Key, What string
	// Main and Sidecar are the Pods as JSON.
	Main, Sidecar []byte
	// MainAccepted and SidecarAccepted are the policy's words; Problem says why there are none.
	MainAccepted, SidecarAccepted bool
	Problem                       string
}

// good is a container with which nothing is the matter, under any common policy.
func good(name string) map[string]any {
	probe := map[string]any{"httpGet": map[string]any{"path": "/healthz", "port": 8080}}
	amounts := map[string]any{"cpu": "100m", "memory": "64Mi"}
	return map[string]any{
		"name": name, "image": "registry.example.org/" + name + ":1.2.3", "imagePullPolicy": "IfNotPresent",
		"resources": map[string]any{"requests": amounts, "limits": amounts}, "readinessProbe": probe, "livenessProbe": probe, "startupProbe": probe,
		"securityContext": map[string]any{
			"allowPrivilegeEscalation": false, "privileged": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true, "runAsUser": 10001,
			"capabilities": map[string]any{"drop": []string{"ALL"}}, "seccompProfile": map[string]any{"type": "RuntimeDefault"},
		},
	}
}

// PolicyFixtures returns the Pods that validating policies are tried with. The first is the one with which nothing is the matter.
func PolicyFixtures() []PolicyFixture {
	security := func(field string, value any) func(map[string]any) {
		return func(c map[string]any) { c["securityContext"].(map[string]any)[field] = value }
	}
	without := func(fields ...string) func(map[string]any) {
		return func(c map[string]any) {
			for _, field := range fields {
				delete(c, field)
			}
		}
	}
	var list []PolicyFixture
	for _, one := range [...]struct {
		key, what string
		change    func(map[string]any)
	}{
		{"good", "", func(map[string]any) {}},
		{"privileged", "is privileged", security("privileged", true)},
		{"escalation", "may gain privileges", security("allowPrivilegeEscalation", true)},
		{"root", "runs as root", func(c map[string]any) { security("runAsUser", 0)(c); security("runAsNonRoot", false)(c) }},
		{"capability", "adds NET_ADMIN", security("capabilities", map[string]any{"add": []string{"NET_ADMIN"}})},
		{"writable", "has a writable root file system", security("readOnlyRootFilesystem", false)},
		{"seccomp", "is unconfined", security("seccompProfile", map[string]any{"type": "Unconfined"})},
		{"latest", "has no fixed image", func(c map[string]any) { c["image"] = "registry.example.org/extra:latest" }},
		{"registry", "has an image from elsewhere", func(c map[string]any) { c["image"] = "docker.io/elsewhere/extra:1.2.3" }},
		{"resources", "has no requests and limits", without("resources")},
		{"probes", "has no probes", without("readinessProbe", "livenessProbe", "startupProbe")},
		{"hostPort", "takes a port of the node", func(c map[string]any) { c["ports"] = []any{map[string]any{"containerPort": 8080, "hostPort": 8080}} }},
	} {
		main, sidecar := good("extra"), good("extra")
		one.change(main)
		one.change(sidecar)
		sidecar["restartPolicy"] = "Always"
		list = append(list, PolicyFixture{
			Key: one.key, What: one.what,
			Main:    policyPod(one.key+"-main", map[string]any{"containers": []any{good("app"), main}}),
			Sidecar: policyPod(one.key+"-sidecar", map[string]any{"initContainers": []any{sidecar}, "containers": []any{good("app")}}),
		})
	}
	return list
}

func policyPod(name string, spec map[string]any) []byte {
	spec["securityContext"] = map[string]any{"runAsNonRoot": true, "seccompProfile": map[string]any{"type": "RuntimeDefault"}}
	spec["automountServiceAccountToken"] = false
	text, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": name, "namespace": "default"}, "spec": spec})
	if err != nil {
		panic(fmt.Sprintf("the Pod %s: %v", name, err))
	}
	return text
}

func cmp008(c *checking) {
	c.skip("no validating policy was named; see check --policy")
}

// JudgePolicy decides CMP008 for a policy by its answers.
func JudgePolicy(answers []PolicyFixture) Outcome {
	c := apart("CMP008")
	right, accepted := 0, false
	for i := range answers {
		accepted = accepted || answers[i].MainAccepted
	}
	for i := range answers {
		a := &answers[i]
		what := a.What
		if what == "" {
			what = "is in order"
		}
		switch {
		case a.Problem != "":
			c.unknown("%s: the policy gives no answer: %s", a.Key, a.Problem)
		case !accepted:
			c.unknown("the policy refuses every Pod, so there is no telling what it is about")
		case a.MainAccepted && !a.SidecarAccepted:
			c.fail(Pointer{}, "%s: a sidecar that %s is refused, and accepted among the mains", a.Key, what)
		case !a.MainAccepted && a.SidecarAccepted:
			c.fail(Pointer{}, "%s: a sidecar that %s is accepted, and refused among the mains", a.Key, what)
		default:
			right++
		}
	}
	c.pass("%d of %d containers are judged alike as mains and as sidecars", right, len(answers))
	return c.outcome()
}
