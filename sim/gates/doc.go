// Package gates is the only place that knows releases, patch releases, feature gates and the kubelet's known defects.
//
// A target such as "1.31/1.28+SidecarContainers" goes in; out come named behaviours: plain values that package sim reads
// one by one ("the stop is ordered", "a back-off wakes the Pod at its expiry"). No other package compares releases.
//
// The package refuses to know Pods, to run anything, and to guess: a release that was not read, a gate that the release
// does not have, or a lock that cannot be opened is an error that says why.
//
// Read release.go for the releases, gate.go for the table of gates, behavior.go for what follows from them.
package gates
