package guard

import (
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"sync"
)

// Guard tells a guardian what to undo if this process ends without having done so. It may be used by several goroutines. A nil
// Guard has no guardian.
type Guard struct {
	command func() (*exec.Cmd, error)
	trouble func(error)

	lock   sync.Mutex
	pipe   io.WriteCloser // nil until there is something to guard
	last   int
	broken bool
}

// New returns a guard. Command is the guardian's, whose standard input is to be served; it is started by the first Do. Trouble is
// told once if there is no guardian, or no longer: the program goes on without.
func New(command func() (*exec.Cmd, error), trouble func(error)) *Guard {
	return &Guard{command: command, trouble: trouble}
}

// message is a line to the guardian: something to undo or, without that, the number of something that need not be undone any more.
type message struct {
	ID   int   `json:"id"`
	Undo *Undo `json:"undo,omitempty"`
}

// Do is called before something is made. The function that it returns is called once that has gone, or is meant to stay.
func (g *Guard) Do(u Undo) (done func()) {
	if g == nil {
		return func() {}
	}
	g.lock.Lock()
	defer g.lock.Unlock()
	g.last++
	id := g.last
	g.tell(message{id, &u})
	return sync.OnceFunc(func() {
		g.lock.Lock()
		defer g.lock.Unlock()
		g.tell(message{ID: id})
	})
}

// tell sends a line. The lock is held.
func (g *Guard) tell(m message) {
	if g.broken {
		return
	}
	err := g.start()
	if err == nil {
		err = json.NewEncoder(g.pipe).Encode(m)
	}
	if err != nil {
		g.broken = true
		g.trouble(fmt.Errorf("telling the guardian: %w", err))
	}
}

func (g *Guard) start() error {
	if g.pipe != nil {
		return nil
	}
	command, err := g.command()
	if err != nil {
		return err
	}
	detach(command)
	pipe, err := command.StdinPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	g.pipe = pipe
	go command.Wait() // it ends when it likes
	return nil
}

// Close lets the guardian go. What was not done by now it undoes.
func (g *Guard) Close() {
	if g == nil {
		return
	}
	g.lock.Lock()
	defer g.lock.Unlock()
	if g.pipe != nil {
		g.pipe.Close()
	}
	g.broken = true
}
