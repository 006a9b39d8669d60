// Package kubelet asks the real kubelets: it runs the oracle's program of a release over a list of Pods and returns the
// traces of what they did.
//
// The package refuses to compare and to build: the programs are made by oracle/Makefile, and the simulator is not asked here.
package kubelet
