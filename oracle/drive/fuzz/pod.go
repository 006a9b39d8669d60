package main

import (
	"github.com/sidecar-conformance/sidecar-conformance/oracle/drive/kept"
	"github.com/sidecar-conformance/sidecar-conformance/sim"
)

// generated is one Pod with what it is run with.
type generated struct {
	id       string
	scenario sim.Scenario
	setting  kept.Setting
}

// keep writes a Pod down and returns the file.
func keep(folder, release string, pod generated) (string, error) {
	p := kept.Pod{Release: release, Setting: pod.setting, Scenario: &pod.scenario}
	return p.Write(folder, release+"-"+pod.id)
}
