package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/oracle/drive/kubelet"
	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// generated is one Pod with what it is run with.
type generated struct {
	id       string
	scenario sim.Scenario
	setting  setting
}

// setting is what a comparison depends on besides the Pod and the release.
type setting struct {
	// Jitter is where the kubelet's random waits lie in their range, in [0, 1).
	Jitter float64 `json:",omitempty"`
	// ControlOff and NodeOff: the gate SidecarContainers is off in the API server, and in the kubelet.
	ControlOff bool `json:",omitempty"`
	NodeOff    bool `json:",omitempty"`
}

// gates are the gates of a request: the one that Pods differ in is always set.
func (s setting) gates() (control, node map[string]bool) {
	return map[string]bool{gates.SidecarContainers: !s.ControlOff}, map[string]bool{gates.SidecarContainers: !s.NodeOff}
}

// config is the node that is asked for; what the oracle could give is in its response.
func (s setting) config() *sim.Config { return kubelet.Config(s.Jitter) }

// target is the simulator's view of a release with the setting's gates.
func (s setting) target(release string) (gates.Resolved, error) {
	text := component(release, s.ControlOff)
	if s.ControlOff != s.NodeOff {
		text += "/" + component(release, s.NodeOff)
	}
	targets, err := gates.ParseTargets(text)
	if err != nil {
		return gates.Resolved{}, err
	}
	return gates.Resolve(targets[0])
}

func component(release string, off bool) string {
	switch first := gates.Oldest(); {
	case off:
		return release + "-" + gates.SidecarContainers
	case strings.HasPrefix(first.String()+".", release+"."):
		return release + "+" + gates.SidecarContainers
	}
	return release
}

// keptPod is the content of a file that -keep writes and -replay reads.
type keptPod struct {
	Release string `json:",omitempty"`
	setting
	Scenario *sim.Scenario
}

// keep writes a Pod down and returns the file.
func keep(folder, release string, pod generated) (string, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	text, err := json.MarshalIndent(keptPod{release, pod.setting, &pod.scenario}, "", "  ")
	if err != nil {
		return "", err
	}
	file := filepath.Join(folder, fmt.Sprintf("%s-%s.json", release, pod.id))
	return file, os.WriteFile(file, append(text, '\n'), 0o644)
}

// readKept reads a file that keep wrote, or one that holds the scenario alone; then the release is empty.
func readKept(file string) (release string, pod generated, err error) {
	pod.id = strings.TrimSuffix(filepath.Base(file), ".json")
	text, err := os.ReadFile(file)
	if err != nil {
		return "", pod, err
	}
	var k keptPod
	if err := json.Unmarshal(text, &k); err != nil {
		return "", pod, fmt.Errorf("reading %s: %w", file, err)
	}
	if k.Scenario != nil {
		pod.id, pod.scenario, pod.setting = strings.TrimPrefix(pod.id, k.Release+"-"), *k.Scenario, k.setting
		return k.Release, pod, nil
	}
	if err := json.Unmarshal(text, &pod.scenario); err != nil {
		return "", pod, fmt.Errorf("reading %s: %w", file, err)
	}
	return "", pod, nil
}
