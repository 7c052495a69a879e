"""What bench/compare is made of: works, peers, running them, figures, what is told of them."""


class Failure(Exception):
    """Something that the user can mend; its text says what."""
