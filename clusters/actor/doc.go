// Package actor turns the Pods of scenarios into Pods that a real cluster runs.
//
// Every container is replaced by the actor: one small static program that plays the container's script (package script)
// and journals what it sees. [Realise] makes the Pod, and says what of a scenario a cluster cannot do; [Builder] makes the
// program and its image; [ParseJournal] reads what the actors wrote; [Sentinel] makes the Pods by which a recorder knows
// that it misses nothing.
//
// The image holds the program and nothing else, and is made without Docker and without a registry. The program is small
// because dozens of Pods start at once. It comes from one of two places:
//
//   - A release embeds it: "go generate ./clusters/actor" writes it for both architectures below bin/, and the build tag
//     embed_actor takes it from there: "go build -tags embed_actor ./cmd/sidecar-conformance".
//   - Without the tag it is built when it is first needed, by the go command, from the source that is embedded in this
//     package, and kept in the user's cache directory. It uses the standard library alone, so that needs no network.
//
// The same source and the same Go release give the same bytes on every machine.
//
// The package refuses to talk to a cluster, and to pretend: what cannot be realised is not applicable there, and what was
// left out of a Pod because order does not depend on it is said.
//
// Read realise.go first, then container.go, then program/live.go.
package actor

//go:generate go run ./generate
