// Package kept reads and writes the files that hold one Pod with what it was run with: Pods on which simulator and kubelet
// differed, and Pods that reach what few others do.
//
// It refuses to run them: commands fuzz and record do.
package kept
