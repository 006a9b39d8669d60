package kept

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// Pod is the content of a file.
type Pod struct {
	// Release is the line of the kubelet that the Pod is of interest for, such as 1.33.
	Release string `json:",omitempty"`
	Setting
	Scenario *sim.Scenario
}

// Setting is what a run depends on besides the Pod and the release.
type Setting struct {
	// Jitter is where the kubelet's random waits lie in their range, in [0, 1).
	Jitter float64 `json:",omitempty"`
	// ControlOff and NodeOff: the gate SidecarContainers is off in the API server, and in the kubelet.
	ControlOff bool `json:",omitempty"`
	NodeOff    bool `json:",omitempty"`
	// Toggled are other gates that are set in both, as package gates writes them: "+ContainerRestartRules".
	Toggled string `json:",omitempty"`
}

// Target is the release with the setting's gates. An error says that the release does not have them.
func (s Setting) Target(release string) (gates.Target, error) {
	text := component(release, s.ControlOff) + s.Toggled
	if s.ControlOff != s.NodeOff {
		text += "/" + component(release, s.NodeOff) + s.Toggled
	}
	targets, err := gates.ParseTargets(text)
	if err != nil {
		return gates.Target{}, err
	}
	return targets[0], nil
}

func component(release string, off bool) string {
	switch {
	case off:
		return release + "-" + gates.SidecarContainers
	case strings.HasPrefix(release+".", gates.Oldest().Line()+"."):
		return release + "+" + gates.SidecarContainers
	}
	return release
}

// Write writes the Pod into a folder, which it makes if need be, and returns the file.
func (p *Pod) Write(folder, name string) (string, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return "", err
	}
	file := filepath.Join(folder, name+".json")
	return file, os.WriteFile(file, append(text, '\n'), 0o644)
}

// Read reads a file that Write wrote. An error names the file.
func Read(file string) (*Pod, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	p := &Pod{}
	if err := json.Unmarshal(text, p); err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	if p.Scenario == nil || p.Release == "" {
		return nil, fmt.Errorf("reading %s: it names no Release or no Scenario", file)
	}
	return p, nil
}
