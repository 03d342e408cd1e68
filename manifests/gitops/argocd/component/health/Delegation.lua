local status = obj.status or {}

local function find(kind)
  for _, row in ipairs(status.conditions or {}) do
    if row.type == kind then
      return row
    end
  end
  return {}
end

local function health(is, message)
  return {status = is, message = message or ""}
end

if obj.metadata.deletionTimestamp ~= nil then
  return health("Progressing", "it is being deleted")
end
if status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", "the operator has not looked at it as it is now")
end

local ready, phase = find("Ready"), status.phase or "Upcoming"
if ready.reason == "CreatorUnknown" then
  return health("Degraded", ready.message)
end
if phase == "Upcoming" then
  return health("Suspended", ready.message)
end
return health("Healthy", phase .. ": " .. (ready.message or ""))
