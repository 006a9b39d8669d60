// Package observe plays scenarios on a real cluster and records what is seen of them.
//
// A [Recorder] listens before it applies anything: to containerd's events on every node that it can reach, to a raw watch of
// its Pods, to Event objects, and to the journals that the actors of the Pods write. [Recorder.Play] creates the Pod of a
// scenario, takes its steps, and waits for its end; [Recorder.Finish] gathers what the sources heard into one
// [judge.Observation] for each Pod. [Suite] does all that for many scenarios, dozens of them at once.
//
// [Follow] watches one Pod that somebody else owns, and touches nothing. It has no journals, takes no steps and has no sentinels; what
// happened before it began is a gap. So a judge finds such a recording inconclusive; people can read it all the same.
//
// Instants count from the answer to the create call. Under kind the nodes are containers of this machine, so that all clocks
// are one; elsewhere the nodes' clocks are not known, there are no events of the runtime, and the intervals are wider.
//
// The node's delay is measured, not guessed: sentinels are Pods with a known life. One runs on each node before the first Pod
// and one behind the last, to prove that the sources hear; others run meanwhile. How late they are, and how slow the starts
// of all containers, is the slack of the Pods of their time. Nothing of a recording counts in which a kubelet was started anew.
//
// The package refuses to fill in what it did not hear: a stream that broke, a journal that lacks a run, a Pod that somebody
// else changed make the observation incomplete, and it says so. It refuses to touch Pods outside the namespace that it made, and
// takes that namespace away at the end, whatever happens.
//
// Read recorder.go first, then play.go, then assemble.go; follow.go stands beside play.go.
package observe
