// Package guard takes away what the program has made where the program itself cannot: after it was killed, or has crashed.
//
// A [Guard] starts a second process, the guardian, when there is something to guard for the first time. It tells the guardian of
// each cluster and namespace before that is made, and again once it has gone or is meant to stay. The guardian holds the other end
// of a pipe. The pipe closes when the program ends, however it ends; [Guardian.Serve] then takes away what is still open. After an
// orderly end that is nothing, and it is gone at once.
//
// The guardian has a session of its own: a Ctrl-C in the terminal reaches the program alone. It cannot help where it is killed as
// well, with the machine, the container, or a control group out of memory.
//
// The package refuses to delete what was not made by the process that it guards: a cluster has its maker in its label file, and a
// namespace has a name that was drawn and a label of ours.
//
// Read guard.go first, then serve.go and undo.go.
package guard
