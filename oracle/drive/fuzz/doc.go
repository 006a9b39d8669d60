// Command fuzz compares the simulator with the real kubelet on generated Pods.
//
// It draws Pods from a seed, has the oracle of a release run them, and asks package judge whether the simulator allows what
// the kubelet did: equal in kind, order, time and every version of the status. A Pod on which they differ is shrunk to
// the least that still differs, and kept as a file that `-replay` runs again.
//
// It refuses to fit: there is no list of accepted differences and no tolerance.
package main
