// Package cri is the container runtime of the oracle: sandboxes and containers whose
// processes follow a script, in virtual time. It speaks the kubelet's own interface
// of the runtime and image services, so no socket is needed.
//
// A process's life begins when StartContainer returns. Everything that the runtime
// does or is told is reported through Hooks.Event.
package cri
