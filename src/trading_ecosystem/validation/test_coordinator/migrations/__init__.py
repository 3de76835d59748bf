"""One file per step of this service's tables; a step that was released is never changed."""
