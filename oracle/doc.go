// Package oracle asks the real kubelet.
//
// The genuine kubelet code of one release runs whole, in virtual time, against an API server in memory and a runtime
// that plays a script. A scenario of package sim goes in, with the sim.Config that says how the node's tickers lie; a
// trace of package sim/trace comes out. Equal input gives equal output, byte for byte.
//
// Each folder v1.NN is a module of its own that builds this source with its release of k8s.io/kubernetes. This module
// names no dependency: the release decides every version.
//
// To read it: run.go is the life of one scenario; bubble makes time virtual, node starts the kubelet, apiserver and cri
// are what it talks to; overlay and newmodule are tools of the build.
package oracle
