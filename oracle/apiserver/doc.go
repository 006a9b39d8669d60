// Package apiserver is the API server of the oracle: a few objects in memory behind
// an http.RoundTripper, so that the genuine client-go talks to it without a socket.
//
// It lists, watches, gets, patches and deletes what a kubelet needs. Defaulting,
// dropping of disabled fields and validation of the Pod are done by the release's
// own code (see Admit); everything else is as small as the kubelet allows.
package apiserver
